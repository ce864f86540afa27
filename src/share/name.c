/* The file of a name.
 *
 * Problem: unrelated processes must find the area by a name, at any moment and with any of them
 * killed; the name must not keep the memory alive, nor point to a half made one. Obvious idea: put
 * the memory itself into /dev/shm. It stays there for ever after a kill. Instead the file names who
 * has the memory, and every open is done with the file locked by its description, which the kernel
 * unlocks at a kill:
 *
 * Open:
 *   1. open or make the file, lock it; if the path names another file by now, again
 *   2. one of the processes in it lives and has the memory open: attach to it (create.c)
 *   3. none: make the memory, prepare it, then write who it is into the file: first the memory's
 *      inode with no process, then this process
 *   4. unlock
 * A kill before the last write of 3 leaves a file that names nobody alive. Slots are written
 * without the lock, each by the one that has that place in the roster. */
#include "share/name.h"
#include "base/report.h"
#include "share/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <plait/error.h>
#include <plait/time.h>
#include <string.h>
#include <unistd.h>

#define FOLDER "/dev/shm"
#define NAME_MAGIC UINT64_C(0x31656d616e746c70) /* "pltname1" */
#define FIRST_PAUSE (100 * PLAIT_MICROSECOND)
#define LAST_PAUSE (5 * PLAIT_MILLISECOND)
#define LONGEST_HOLD (50 * PLAIT_MILLISECOND)
enum { LOCKED_MOST = 64 };

struct slot {
    uint32_t pid, file;
};
struct name_file {
    uint64_t magic;
    uint64_t device, inode; /* of the memory file */
    uint64_t namespace;     /* of the pids */
    uint64_t room[4];
    struct slot slots[SHARE_USERS]; /* by place in the roster; pid 0: nobody */
};
_Static_assert(sizeof(struct name_file) == OS_PAGE, "a name is a page");

/* Files that this process has open to lock them. A child forked meanwhile must close them, since
 * otherwise it would keep the lock for as long as it lives. Guarded by share_lock. */
static int locked[LOCKED_MOST]; /* descriptor + 1 */

static int path_open(const char *path, int flags)
{
    base_spin_lock(&share_lock);
    int file = os_open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0600);
    for (int i = 0; i < LOCKED_MOST && file >= 0; i++)
        if (!locked[i]) {
            locked[i] = file + 1;
            break;
        }
    base_spin_unlock(&share_lock);
    return file;
}

static void path_close(int file)
{
    base_spin_lock(&share_lock);
    os_byte_unlock(file, 0); /* since a child that is being forked may have it, too */
    for (int i = 0; i < LOCKED_MOST; i++)
        if (locked[i] == file + 1)
            locked[i] = 0;
    os_close(file);
    base_spin_unlock(&share_lock);
}

void name_fork_child(void)
{
    for (int i = 0; i < LOCKED_MOST; i++) {
        if (locked[i])
            os_close(locked[i] - 1);
        locked[i] = 0;
    }
}

static void path_of(struct area_name *name, const char *text, size_t size)
{
    int length = base_format(name->path, sizeof name->path, FOLDER "/plait-%u-", geteuid());
    name->name = name->path + length;
    memcpy(name->path + length, text, size);
    name->path[(size_t)length + size] = '\0';
}

int name_parse(struct area_name *name, const char *url)
{
    *name = (struct area_name){.file = -1};
    if (strncmp(url, "shm:", 4) != 0)
        return -EINVAL;
    const char *text = url + 4, *option = strchrnul(text, '?');
    size_t size = (size_t)(option - text);
    name->must_create = strcmp(option, "?create") == 0;
    name->must_exist = strcmp(option, "?attach") == 0;
    if (size == 0 || memchr(text, '/', size) ||
        (*option && !name->must_create && !name->must_exist))
        return -EINVAL;
    if (size >= SHARE_NAME)
        return -ENAMETOOLONG;
    path_of(name, text, size);
    return 0;
}

/* Opened, but not locked yet. */
static int name_open(struct area_name *name)
{
    struct os_file look;
    name->file = path_open(name->path, name->must_exist ? 0 : O_CREAT);
    if (name->file < 0)
        return name->file == -ELOOP ? -EACCES : name->file;
    int rc = os_file_look(name->file, &look);
    if (rc == 0 && !os_file_is_ours(&look))
        rc = -EACCES;
    return rc;
}

/* It is locked: does the path still lead to it? Not if its last user was quicker than our lock,
 * because he unlinks it. */
static int name_check(const struct area_name *name)
{
    struct os_file now, look;
    int rc = os_file_look(name->file, &look);
    if (rc < 0)
        return rc;
    rc = os_path_look(name->path, &now);
    if (rc == 0 && (now.inode != look.inode || now.device != look.device))
        rc = -ENOENT;
    return rc == -ENOENT ? -EAGAIN : rc;
}

/* 0, -EAGAIN: somebody has it locked, or it is gone; -errno. Nothing is left open then. */
static int name_try(struct area_name *name)
{
    int rc = name_open(name);
    if (rc == 0)
        rc = os_byte_lock(name->file, 0);
    if (rc == 0)
        rc = name_check(name);
    if (rc < 0 && name->file >= 0) {
        path_close(name->file);
        name->file = -1;
    }
    return rc;
}

int name_lock(struct area_name *name)
{
    int rc;
    for (int64_t pause = FIRST_PAUSE; (rc = name_try(name)) == -EAGAIN;
         pause = pause < LAST_PAUSE ? pause * 2 : LAST_PAUSE) {
        rc = plait_sleep(plait_after(pause));
        if (rc < 0)
            return rc;
    }
    return rc;
}

void name_unlock(struct area_name *name)
{
    path_close(name->file);
    name->file = -1;
}

/* 0, -ENOENT: never filled; -PLAIT_EFORMAT */
static int name_read(int file, struct name_file *content)
{
    long size = os_read_at(file, content, sizeof *content, 0);
    if (size == 0)
        return -ENOENT;
    if (size < 0)
        return (int)size;
    if (size < (long)sizeof *content || content->magic != NAME_MAGIC)
        return -PLAIT_EFORMAT;
    uint64_t namespace = 0;
    int rc = os_pid_namespace(&namespace);
    return rc < 0 ? rc : content->namespace == namespace ? 0 : -EXDEV;
}

/* `except`: this one does not count; file 0: all of that process.
 *
 * A user's descriptor that cannot be seen is not taken for gone: otherwise a second area of that
 * name would be made beside the first. */
static int holder_of(const struct name_file *content, const struct slot *except)
{
    struct os_file wanted = {.device = content->device, .inode = content->inode};
    int found = -ENOENT;
    for (int i = 0; i < SHARE_USERS; i++) {
        struct slot slot = content->slots[i];
        bool is_it = slot.pid == except->pid && (slot.file == except->file || !except->file);
        if (slot.pid == 0 || is_it || slot.pid > INT32_MAX || slot.file > INT32_MAX)
            continue;
        int file = os_file_of((int)slot.pid, (int)slot.file, &wanted);
        if (file >= 0)
            return file;
        if (file != -ENOENT && file != -ESRCH)
            found = file;
    }
    return found;
}

int name_find(struct area_name *name)
{
    struct name_file content;
    struct slot nobody = {0};
    int rc = name_read(name->file, &content);
    return rc < 0 ? rc : holder_of(&content, &nobody);
}

void name_remove(struct area_name *name)
{
    if (name->file >= 0)
        os_unlink(name->path);
}

static int slot_write(int file, const struct share_area *area)
{
    struct slot slot = {area->pid, (uint32_t)area->me.file};
    uint64_t at = offsetof(struct name_file, slots) + area->me.index * sizeof slot;
    long size = os_write_at(file, &slot, sizeof slot, at);
    return size < 0 ? (int)size : size < (long)sizeof slot ? -ENOSPC : 0;
}

int name_fill(struct area_name *name, const struct share_area *area)
{
    struct name_file content = {
        .magic = NAME_MAGIC,
        .device = area->file.device,
        .inode = area->file.inode,
    };
    int rc = os_pid_namespace(&content.namespace);
    if (rc < 0)
        return rc;
    long size = os_write_at(name->file, &content, sizeof content, 0);
    if (size < (long)sizeof content)
        return size < 0 ? (int)size : -ENOSPC;
    return name_add(name, area);
}

int name_add(const struct area_name *name, const struct share_area *area)
{
    return slot_write(name->file, area);
}

static bool names_area(int file, const struct share_area *area, struct name_file *content)
{
    return name_read(file, content) == 0 && content->inode == area->file.inode &&
           content->device == area->file.device;
}

static int area_name_open(const struct share_area *area)
{
    struct area_name name;
    path_of(&name, area->url_name, strlen(area->url_name));
    return os_open(name.path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
}

int name_hold(const struct share_area *area)
{
    struct name_file content;
    int file = area_name_open(area);
    int rc = file;
    for (int64_t end = os_now() + LONGEST_HOLD; file >= 0;) {
        rc = os_byte_lock(file, 0);
        if (rc != -EAGAIN || os_now() > end)
            break;
        os_sleep(FIRST_PAUSE);
    }
    if (rc == 0 && names_area(file, area, &content))
        return file;
    os_close(file);
    return -1;
}

void name_add_held(const struct share_area *area, int file)
{
    struct name_file content;
    bool is_held = file >= 0;
    if (!is_held)
        file = area_name_open(area);
    if (file < 0)
        return;
    if (names_area(file, area, &content))
        slot_write(file, area);
    if (is_held)
        os_byte_unlock(file, 0);
    os_close(file);
}

void name_leave(const struct share_area *area, bool at_exit)
{
    struct area_name name = {.must_exist = true};
    struct name_file content;
    path_of(&name, area->url_name, strlen(area->url_name));
    if (name_try(&name) != 0)
        return;
    if (names_area(name.file, area, &content)) {
        struct slot mine = {area->pid, at_exit ? 0 : (uint32_t)area->me.file};
        int other = holder_of(&content, &mine);
        if (other == -ENOENT)
            os_unlink(name.path);
        os_close(other);
    }
    name_unlock(&name);
}

struct each {
    char prefix[32];
    void (*each)(struct area_name *name, int file, void *arg);
    void *arg;
};

static void each_name(const char *entry, void *arg)
{
    struct each *each = arg;
    struct area_name name = {.must_exist = true};
    size_t skip = strlen(each->prefix), size = strlen(entry);
    if (strncmp(entry, each->prefix, skip) != 0 || size - skip >= SHARE_NAME)
        return;
    path_of(&name, entry + skip, size - skip);
    int rc = name_try(&name), file = rc == 0 ? name_find(&name) : rc;
    if (rc == -ENOENT)
        return; /* gone by now, or another one: not for us to take away */
    each->each(&name, file, each->arg);
    if (rc < 0)
        return;
    os_close(file);
    name_unlock(&name);
}

void names_each(void (*each)(struct area_name *name, int file, void *arg), void *arg)
{
    struct each all = {.each = each, .arg = arg};
    base_format(all.prefix, sizeof all.prefix, "plait-%u-", geteuid());
    os_directory_each(FOLDER, each_name, &all);
}

static void sweep(struct area_name *name, int file, void *arg)
{
    if (file == -ENOENT)
        name_remove(name);
}

void names_sweep(void)
{
    names_each(sweep, NULL);
}
