/* Directories wait in a list instead of on the stack, and are opened by their path below the
 * root: neither descriptors nor stack grow with the depth of the tree. */
#include "walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ASK_EACH = 256 /* entries between two questions whether to go on */ };

static int make_room(void *array, size_t *room, size_t wanted, size_t element)
{
    void **memory = array;
    if (wanted <= *room)
        return 0;
    size_t larger = *room < 64 ? 64 : *room * 2;
    larger = larger < wanted ? wanted : larger;
    void *moved = realloc(*memory, larger * element);
    if (!moved)
        return -ENOMEM;
    *memory = moved;
    *room = larger;
    return 0;
}

/* Keeps "folder/entry" (or "entry", in the root); where it lies, or -ENOMEM. */
static int64_t keep_name(struct walk *walk, uint64_t folder, const char *entry)
{
    size_t before = strlen(walk_name(walk, folder)), length = strlen(entry);
    size_t need = walk->names_used + before + 1 + length + 1;
    if (make_room(&walk->names, &walk->names_room, need, 1) < 0)
        return -ENOMEM;
    char *name = walk->names + walk->names_used, *end = name;
    if (before) {
        memcpy(name, walk_name(walk, folder), before);
        end = name + before;
        *end++ = '/';
    }
    memcpy(end, entry, length + 1);
    walk->names_used += end - name + length + 1;
    return name - walk->names;
}

static int add_failure(struct walk *walk, uint64_t name, int error)
{
    if (make_room(&walk->failures, &walk->failure_room, walk->failure_count + 1,
                  sizeof *walk->failures) < 0)
        return -ENOMEM;
    walk->failures[walk->failure_count++] = (struct walk_failure){name, error};
    return 0;
}

static int add_folder(struct walk *walk, uint64_t name)
{
    if (make_room(&walk->folders, &walk->folder_room, walk->folder_count + 1,
                  sizeof *walk->folders) < 0)
        return -ENOMEM;
    walk->folders[walk->folder_count++] = name;
    return 0;
}

/* A sum, so that the order in which directories are read does not matter. */
static void stamp(struct walk *walk, const struct stat *about)
{
    uint64_t hash = about->st_ino * UINT64_C(0x9e3779b97f4a7c15) + about->st_size;
    hash = (hash ^ hash >> 29) * UINT64_C(0xbf58476d1ce4e5b9) + about->st_mtim.tv_nsec;
    walk->stamp += (hash ^ hash >> 32) * UINT64_C(0x94d049bb133111eb) + about->st_mtim.tv_sec;
}

static int add_file(struct walk *walk, uint64_t name, uint64_t size)
{
    if (make_room(&walk->files, &walk->file_room, walk->file_count + 1, sizeof *walk->files) < 0)
        return -ENOMEM;
    walk->files[walk->file_count++] = (struct walk_file){name, size};
    walk->bytes += size;
    return 0;
}

/* A file or a directory, unless its inode is known: links and bind mounts give a file many
 * names. */
static int add_new(struct walk *walk, uint64_t folder, const char *entry, const struct stat *about)
{
    bool is_folder = S_ISDIR(about->st_mode);
    if (is_folder && about->st_dev != walk->device) {
        walk->elsewhere++;
        return 0;
    }
    int added = inodes_add(&walk->seen, about->st_dev, about->st_ino);
    if (added <= 0) {
        walk->repeats += added == 0;
        return added;
    }
    int64_t name = keep_name(walk, folder, entry);
    if (name < 0)
        return name;
    if (!is_folder)
        stamp(walk, about);
    return is_folder ? add_folder(walk, name) : add_file(walk, name, about->st_size);
}

static int add_entry(struct walk *walk, int descriptor, uint64_t folder, const char *entry)
{
    struct stat about;
    if (fstatat(descriptor, entry, &about, AT_SYMLINK_NOFOLLOW) < 0) {
        int error = errno;
        int64_t name = keep_name(walk, folder, entry);
        return name < 0 ? (int)name : add_failure(walk, name, error);
    }
    if (S_ISREG(about.st_mode) || S_ISDIR(about.st_mode))
        return add_new(walk, folder, entry, &about);
    if (S_ISLNK(about.st_mode))
        walk->links++;
    else
        walk->specials++;
    return 0;
}

static bool is_dots(const char *entry)
{
    return entry[0] == '.' && (!entry[1] || (entry[1] == '.' && !entry[2]));
}

static int read_entries(struct walk *walk, DIR *stream, uint64_t folder)
{
    struct dirent *entry;
    unsigned met = 0;
    while (errno = 0, (entry = readdir(stream))) {
        int error =
            is_dots(entry->d_name) ? 0 : add_entry(walk, dirfd(stream), folder, entry->d_name);
        if (error < 0)
            return error;
        if (++met % ASK_EACH == 0 && walk->go_on && !walk->go_on(walk, walk->arg)) {
            walk->stopped = true;
            return 0;
        }
    }
    return errno ? add_failure(walk, folder, errno) : 0;
}

static int read_folder(struct walk *walk, uint64_t folder)
{
    const char *path = walk_name(walk, folder);
    int descriptor =
        openat(walk->root, *path ? path : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *stream = descriptor < 0 ? NULL : fdopendir(descriptor);
    if (!stream) {
        int error = errno;
        if (descriptor >= 0)
            close(descriptor);
        return *path ? add_failure(walk, folder, error) : -error;
    }
    int error = read_entries(walk, stream, folder);
    closedir(stream);
    return error;
}

static int open_root(struct walk *walk, const char *directory)
{
    struct stat about;
    walk->root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (walk->root < 0 || fstat(walk->root, &about) < 0)
        return -errno;
    walk->device = about.st_dev;
    if (make_room(&walk->names, &walk->names_room, 1, 1) < 0)
        return -ENOMEM;
    walk->names[walk->names_used++] =
        '\0'; /* the root's own path, so that all others are "folder/entry" or "entry" */
    int added = inodes_add(&walk->seen, about.st_dev, about.st_ino);
    return added < 0 ? added : add_folder(walk, 0);
}

int walk_tree(struct walk *walk, const char *directory)
{
    *walk = (struct walk){.root = -1, .go_on = walk->go_on, .arg = walk->arg};
    int error = open_root(walk, directory);
    while (!error && !walk->stopped && walk->folders_done < walk->folder_count) {
        error = read_folder(walk, walk->folders[walk->folders_done]);
        walk->folders_done++;
        if (walk->go_on && !walk->go_on(walk, walk->arg))
            walk->stopped = true;
    }
    inodes_free(&walk->seen);
    return error;
}

void walk_free(struct walk *walk)
{
    if (walk->root >= 0)
        close(walk->root);
    free(walk->names);
    free(walk->files);
    free(walk->failures);
    free(walk->folders);
    *walk = (struct walk){.root = -1};
}

int walk_open(const struct walk *walk, const struct walk_file *file)
{
    struct stat about;
    int descriptor = openat(walk->root, walk_name(walk, file->name),
                            O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (descriptor < 0)
        return -errno;
    if (fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode))
        return descriptor;
    close(descriptor);
    return -EINVAL;
}
