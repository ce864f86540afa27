/* A set of (device, inode) pairs: what the walk has met already. */
#ifndef TOOL_INODES_H
#define TOOL_INODES_H

#include <stddef.h>
#include <sys/types.h>

struct inode {
    dev_t device;
    ino_t number; /* 0: free place; no file system gives it to a file */
};

struct inodes { /* all zeroes: empty */
    struct inode *places;
    size_t room, used; /* room: a power of two, so that a mask finds the place */
};

/* 1: added, 0: was there, -ENOMEM. */
int inodes_add(struct inodes *set, dev_t device, ino_t number);
void inodes_free(struct inodes *set);

#endif
