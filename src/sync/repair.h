/* The repair functions of plait_lock_on_death, by the lock's address. */
#ifndef SYNC_REPAIR_H
#define SYNC_REPAIR_H

#include <stdbool.h>

struct repair {
    const void *object;
    void (*function)(void *arg); /* NULL: taken back */
    void *arg;
    struct repair *next;
};

/* False: no memory. function NULL takes it back. */
bool repair_set(const void *object, void (*function)(void *arg), void *arg);
const struct repair *repair_find(const void *object); /* NULL: none */

#endif
