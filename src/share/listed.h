/* What lies behind this user's names, for `plait shm`. Reads only: attaching would make the tool a
 * user of what it shows. */
#ifndef SHARE_LISTED_H
#define SHARE_LISTED_H

#include "share/users.h"

struct share_listed {
    const char *name;
    /* 0: somebody has it open; -ENOENT: nobody, the name is stale; -PLAIT_EFORMAT: no area's name,
     * or a damaged one; -EXDEV: made in another PID namespace; -EACCES: not to be seen; -EAGAIN:
     * somebody opens it at this moment; -errno */
    int state;
    char kind[16];
    uint64_t size, limit; /* bytes of the noun's memory */
    uint32_t users;
    int32_t pids[SHARE_USERS]; /* of the users; an area open twice in a process has it twice */
};

/* Each name in turn. One for which `each` is true is taken away, unless somebody has it open. */
void share_list(bool (*each)(const struct share_listed *one, void *arg), void *arg);

#endif
