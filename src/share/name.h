/* Names of areas: "shm:NAME" is the file plait-UID-NAME in /dev/shm, one page that says which
 * process has the area's memory file open at which descriptor. The memory is reached through
 * /proc/PID/fd/N of any of them that lives; when none does the name is stale, and the next open of
 * any name takes it away. So the kernel frees the memory with its last user, and never before. */
#ifndef SHARE_NAME_H
#define SHARE_NAME_H

#include "os/os.h"

struct share_area;

enum { NAME_PATH = 160 };
struct area_name {
    char path[NAME_PATH];
    const char *name; /* in path: behind plait-UID- */
    bool must_create, must_exist;
    int file; /* locked */
};

/* 0; -EINVAL: no "shm:NAME[?create|?attach]"; -ENAMETOOLONG: more than 95 bytes. */
int name_parse(struct area_name *name, const char *url);
/* The name's file, made if it is missing and may be, locked: nobody else opens or makes this name.
 * Waits for who does so at the moment; -ECANCELED, -ETIMEDOUT (a scope's deadline) meanwhile. */
int name_lock(struct area_name *name);
void name_unlock(struct area_name *name);
/* The memory file of whoever has it open, a description of its own. -ENOENT: nobody; -EXDEV,
 * -EACCES, -PLAIT_EFORMAT. */
int name_find(struct area_name *name);
int name_fill(struct area_name *name, const struct share_area *area); /* names a new area */
void name_remove(struct area_name *name); /* it is locked, else nothing */
/* From now on this process can be asked for the area. */
int name_add(const struct area_name *name, const struct share_area *area);
/* Before a fork: the name's file, locked by a description that the child has, too, so that nobody
 * takes the area for gone when the parent ends before the child can be asked for it. -1: somebody
 * else has it locked, or the name is another area's by now. */
int name_hold(const struct share_area *area);
/* In the child, which alone has it by now, and unlocks it; or in a program that was handed the
 * area: file -1, the name is opened. Neither waits. */
void name_add_held(const struct share_area *area, int file);
/* This process leaves the area: the name goes, too, if nobody else has it open. Does not wait. */
void name_leave(const struct share_area *area, bool at_exit);
/* Takes away this user's stale names. */
void names_sweep(void);

/* Each name of this user, locked, with the memory's file as name_find gives it; -EAGAIN: not
 * locked, since somebody opens it at this moment. */
void names_each(void (*each)(struct area_name *name, int file, void *arg), void *arg);

void name_fork_child(void); /* lest the child keeps what its parent has locked */

#endif
