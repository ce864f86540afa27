/* The regular files below a directory, as `find DIR -xdev -type f` sees them but each (device,
 * inode) once: hidden ones too, links not followed (DIR itself may be one), one file system. */
#ifndef TOOL_WALK_H
#define TOOL_WALK_H

#include "inodes.h"

#include <stdbool.h>
#include <stdint.h>

struct walk_file {
    uint64_t name; /* where its path below the root lies in the names */
    uint64_t size; /* as the walk saw it; who reads must believe the file */
};

struct walk_failure {
    uint64_t name;
    int error; /* errno's */
};

struct walk {
    int root; /* open, so that the tree may be moved meanwhile */
    dev_t device;
    char *names;
    struct walk_file *files;
    struct walk_failure *failures;
    uint64_t *folders; /* names of directories met; those up to `folders_done` were read */
    size_t names_used, names_room, file_count, file_room, failure_count, failure_room;
    size_t folder_count, folder_room, folders_done;
    uint64_t stamp; /* of all files' inodes, sizes and times: equal as long as nothing changes */
    uint64_t bytes; /* sum of the sizes */
    size_t links, specials;    /* symbolic links; sockets, fifos, devices */
    size_t repeats, elsewhere; /* second names of a file; directories of other file systems */
    bool stopped;              /* go_on said no */
    struct inodes seen;
    bool (*go_on)(const struct walk *walk, void *arg); /* asked now and then; may be NULL */
    void *arg;
};

/* Walks the tree into *walk, of which the caller has set only go_on and arg. 0; -errno: the
 * directory itself cannot be read, or -ENOMEM. walk_free in either case. */
int walk_tree(struct walk *walk, const char *directory);
void walk_free(struct walk *walk);

static inline const char *walk_name(const struct walk *walk, uint64_t name)
{
    return walk->names + name;
}

/* Opens a regular file of the walk for reading; a descriptor or -errno. Never waits: what became
 * a fifo since is refused. */
int walk_open(const struct walk *walk, const struct walk_file *file);

#endif
