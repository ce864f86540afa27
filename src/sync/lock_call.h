/* A private lock, and one call that waits for it: what lock.c shares with the cases of
 * plait_select. The word's bits and the protocol stand in lock.c. */
#ifndef SYNC_LOCK_CALL_H
#define SYNC_LOCK_CALL_H

#include "sync/budget.h"
#include "sync/lock.h"
#include "sync/waiter.h"

/* The private form of struct robust_word's 64 bytes. */
struct lock {
    uint64_t head; /* zero: sync_is_private */
    union {
        struct {
            uint32_t
                word; /* what sleepers sleep on: the lower half, as the machines of os/ have it */
            uint32_t owner;
        };
        uint64_t both;
    };
    void *place; /* where the holder, or the last one, took it: written by the holder */
    struct sync_budget budget;
    uint32_t room[5];
    uint64_t depth;        /* of a plait_rlock: lock_depth */
    struct wait_mark mark; /* checked mode's */
};
_Static_assert(sizeof(struct lock) == sizeof(plait_lock), "a lock is 64 bytes");
struct lock_call {
    struct lock *lock;
    struct wait_self *self;
    void *place;
    int64_t since; /* of the first sleep */
    int rc;        /* of a spin inside lock_words; -EAGAIN: none */
    bool slept, spun, starved;
};

/* Step 2: 0, -EOWNERDEAD, -EAGAIN, -ENOTRECOVERABLE; step 4; step 5. */
int lock_attempt(void *call);
int lock_words(void *call, struct wait_word *words);
void lock_give_up(struct lock_call *call);

#endif
