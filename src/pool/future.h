/* Futures inside plait.
 *
 * word, one word, also what waiters sleep on:
 *   bits 0-2  plait_state: PENDING, RUNNING, DONE, FAILED, CANCELED
 *   bit 3  W        somebody sleeps until the end
 *   bit 4  SLOW     there are watchers, or somebody cancels at this moment: who ends it takes the
 *          lock
 *   bit 5  LOOSE    the handle has been given back: who ended it gives the memory back
 *   bit 6  BUSY     it has ended, and who ended it still uses it
 *   bit 7  READ     its failure has been told
 *   bit 8  WANTED   a cancel was asked for while it ran
 *   bit 9  PROMISE  user code ends it
 *   bit 10 HELD     others' ends are to be told of to it (chain.c): its memory stays meanwhile;
 *                   goes with SLOW
 *   bit 11 QUEUED   it lies in its pool's lane (lane.h): its memory stays meanwhile
 *
 * The end, by one task (future_end.c):
 *   1. result and error are written; nobody else does, since only one came from PENDING to RUNNING
 *   2. one compare-and-swap from RUNNING to the final state. With SLOW: under the lock, with BUSY
 *   3. without SLOW the future is not touched any more, unless LOOSE was there and QUEUED not: then
 *      it is ours
 *   4. with SLOW: watchers that wait are told under the lock, callbacks are called behind it, BUSY
 *      comes off; if LOOSE came meanwhile, and it is neither HELD nor QUEUED: then it is ours
 * The handle's side gives back by one compare-and-swap, too: final, and none of BUSY, HELD and
 * QUEUED: frees it; else sets LOOSE. Who takes HELD or QUEUED off does as 4 does. So exactly one
 * frees. */
#ifndef POOL_FUTURE_H
#define POOL_FUTURE_H

#include "base/heap.h"
#include "base/list.h"
#include "base/spin.h"
#include "wait/wait.h"

#include <errno.h>

#include <plait/pool.h>

enum {
    FUTURE_STATE = 7,
    FUTURE_W = 8,
    FUTURE_SLOW = 16,
    FUTURE_LOOSE = 32,
    FUTURE_BUSY = 64,
    FUTURE_READ = 128,
    FUTURE_WANTED = 256,
    FUTURE_PROMISE = 512,
    FUTURE_HELD = 1024,
    FUTURE_QUEUED = 2048,
    FUTURE_STAYS = FUTURE_BUSY | FUTURE_HELD | FUTURE_QUEUED, /* somebody goes on looking at it */
    /* through the end */
    FUTURE_KEPT = FUTURE_LOOSE | FUTURE_READ | FUTURE_HELD | FUTURE_PROMISE | FUTURE_QUEUED
};

/* Plus wait_forks: so that one comparison finds what is freed, none, or a parent's. */
#define FUTURE_MAGIC UINT32_C(0x706c4675)

#define FUTURE_LINE __attribute__((aligned(64)))

struct pool_frame;

/* What is told of a future's end. */
struct future_watch {
    struct list link;
    /* Under the future's lock, so that it must call no user code; the watch may be gone as soon as
     * it has told */
    void (*tell)(struct future_watch *watch, bool failed);
    /* Without it, in the order of coming; takes its own memory back. One of the two */
    void (*call)(struct future_watch *watch, plait_future *future);
};

/* The first line of the cache is all that who runs a plain job looks at. */
struct plait_future {
    uint32_t magic;
    uint32_t word;
    int32_t error;
    bool helps;       /* a waiter may run it, since it has no limit, and no second try */
    bool limited;     /* it has a limit */
    bool blocks;      /* it has `apart` or `in_apart` */
    bool large;       /* its memory is no block of the stock's */
    plait_pool *pool; /* NULL: no job */
    plait_job *function;
    struct pool_frame *frame; /* where it runs */
    void *in;                 /* behind this struct; NULL: none */
    void *result;             /* behind that, or in a block of its own: `apart` */
    size_t announced;
    /* ---- second line */
    size_t size, in_size;
    void *apart;
    void *in_apart; /* of a chain, since its input's size is known late */
    const char *name;
    int64_t limit;
    int32_t priority, retries;
    base_spin lock;   /* guards watchers, and frame against the end */
    uint32_t cancels; /* that were asked for while it ran; changed under the lock */
    /* ---- third line: not cleared for the next one, since it is left empty */
    struct list watchers FUTURE_LINE; /* struct future_watch; next NULL: none yet */
    struct heap_item ranked;
};

/* ---- future.c */
/* A pending one with room for the result and `in_size` bytes of input; NULL: no memory, or a size
 * that is too large (errno). */
plait_future *future_new(size_t in_size, size_t size);
void future_destroy(plait_future *future);
_Noreturn void future_bad(const plait_future *future, void *place) __attribute__((cold));
static inline void future_check(const plait_future *future, void *place)
{
    if (unlikely(!future || (uintptr_t)future % _Alignof(plait_future) ||
                 future->magic != FUTURE_MAGIC + wait_forks))
        future_bad(future, place);
}
static inline plait_state future_state(uint32_t word)
{
    return (plait_state)(word & FUTURE_STATE);
}
static inline bool future_has_ended(const plait_future *future)
{
    /* pairs with the ACQ_REL of future_end */
    return future_state(atom_load(&future->word, ACQUIRE)) >= PLAIT_DONE;
}
/* PENDING -> RUNNING, and this bit off; false: it is not pending. */
bool future_claim(plait_future *future, uint32_t off);
/* From RUNNING back to PENDING and this bit, unless a cancel was asked for. */
bool future_unclaim(plait_future *future, uint32_t on);
/* Another result than in its own room; 0, -ENOMEM. */
int future_set_result(plait_future *future, const void *data, size_t size);

/* ---- future_stock.c: FUTURE_BLOCK bytes, a line's start: zeroes, or as a future
 * before has left them; NULL: none left */
enum { FUTURE_BLOCK = 256 };
void *future_block(void);
void future_block_free(void *block);

/* ---- future_end.c */
/* Of a claimed one, which nobody but a handle's owner touches afterwards, since it may have been
 * given back. True: somebody may have waited for it. */
bool future_end(plait_future *future, plait_state state, int error);
static inline void future_fail(plait_future *future, int error)
{
    future_end(future, error == -ECANCELED ? PLAIT_CANCELED : PLAIT_FAILED, error);
}
void future_release(plait_future *future, uint32_t mark); /* takes HELD or QUEUED off */
/* False: it has ended, and the watch will not be told. Pairs with the ACQ_REL of the end. */
bool future_watch(plait_future *future, struct future_watch *watch);
void future_unwatch(plait_future *future, struct future_watch *watch);

/* ---- future_wait.c: filled in by pool/help.c, so that a wait can do more than sleep */
struct future_help {
    bool (*help)(plait_future *future); /* ran it: true */
    /* It ended while this one spun. Else *began is when he stopped, and spun tells when he has
     * slept; 0: he did not spin, and nothing is to be told */
    bool (*spin)(plait_future *future, int64_t *began);
    void (*spun)(plait_future *future, int64_t began);
    /* The calling job sleeps from here on | still. False: a worker that should run meanwhile could
     * not be started, and must be tried again */
    bool (*begin)(void), (*again)(void);
    void (*end)(void);
};
extern struct future_help future_help;
int future_wait(plait_future *future, int64_t deadline, void *place);
/* As wait_until, with the pool told, so that another worker runs meanwhile. */
int future_wait_as_job(const struct wait_call *call, void *object, const void *shown,
                       int64_t deadline, void *place);

#endif
