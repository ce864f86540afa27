/* The queue that processes share: what lies in its area, and what each process keeps for itself.
 *
 * docs/shared-memory-queue.md tells the protocol and argues each point at which somebody may be
 * killed; tests/models/queue.c explores it. What holds for both kinds (shared_ring.c,
 * shared_stock.c): an item is in, or out, by one store into its cell's own word, behind its bytes.
 * All else, indices and orders and counts, can be derived from the cells, so whoever finds it left
 * half done mends it. */
#ifndef QUEUE_SHARED_H
#define QUEUE_SHARED_H

#include "share/users.h"
#include "wait/robust.h"

struct queue_call;

/* The two ends. Putters sleep on the word of SHARED_PUTS until there is room, getters on that of
 * SHARED_GETS until there is an item; who joins, on SHARED_JOINS until all is done. */
enum shared_side { SHARED_PUTS, SHARED_GETS, SHARED_JOINS, SHARED_SIDES };

/* The word on which a side sleeps:
 *   bit 31 W       somebody may sleep on it. Taken off only together with a wake of all
 *   bit 30 CLOSED  for ever
 *   bits 29..0     zero, because of what the kernel does at a death (robust.h, R2) */
#define SHARED_W ROBUST_WAITERS
#define SHARED_CLOSED UINT32_C(0x40000000)

/* On lines of their own, because the two sides run on different CPUs. */
struct shared_end {
    struct robust_word lock;
    uint64_t position __attribute__((aligned(64))); /* of a ring: where this side goes on */
    uint64_t count; /* of a ring's getters: how many they copied out */
    uint64_t user;  /* alone: who is inside; 0: nobody. Of a dead one it stays */
};

/* For a process that is handed the queue without the arguments of its open. Copied once, and
 * checked as those are, because a peer may change it meanwhile. */
struct shared_shape {
    uint64_t element, capacity, bytes;
    uint8_t order, redeliver, single_producer, single_consumer;
};

struct shared_head {
    struct shared_shape shape __attribute__((aligned(64)));
    struct shared_end ends[2];
    struct {
        uint32_t word;
    } __attribute__((aligned(64))) sleep[SHARED_SIDES];
    uint64_t done; /* how often task_done was said; its lower half is slept on */
    uint64_t lost; /* known to have died with their takers */
    uint32_t closed;
    uint32_t backs; /* ring: some slot is BACK. Must be set before the first one is */
    uint32_t skips; /* ring: some slot is SKIPPED. Must be set before the first one is */
    uint32_t unused;
    uint64_t own[24] __attribute__((aligned(64))); /* the kind's */
    char cells[] __attribute__((aligned(64)));
};

/* This process' part. */
struct shared {
    struct share_area *area;
    struct shared_head *head;
    uint64_t lap; /* ring: as in ring.h */
    size_t stride, owners, order,
        map;                  /* bytes from cell to cell; offsets of what lies behind them */
    size_t bytes, granules;   /* messages: room; pieces of its memory */
    size_t room;              /* offset of the first granule */
    int64_t ruled;            /* when a select last asked whether anybody else is there */
    int64_t patrolled;        /* when this process last looked after places of the dead */
    uint64_t me;              /* which user this process is, once it is marked */
    uint32_t forks;           /* in which process the counts of the handle hold */
    uint32_t marked[2];       /* wait_forks + 1: this process is known to put, to get */
    bool given_up[2];         /* this process will not put, get any more, though it has */
    int kind;                 /* enum plait_order */
    bool redeliver, alone[2]; /* alone: promised, so that its end needs no lock */
};

enum { SHARED_HAS_PUT = 1, SHARED_HAS_GOT = 2 }; /* marks of users */

/* ---- shared_call.c: entering an end, waking, waiting; the usual case of each is in
 * shared_end.h */
/* `rc`: what the first try of the lock gave. */
int shared_enter_slowly(struct queue_call *call, struct robust_word *lock, int rc);
/* For calls that cannot fail, which must wait even for a stopped task inside. */
void shared_enter_surely(struct queue_call *call, struct robust_word *lock);
void shared_wake_slowly(plait_queue *queue, enum shared_side side, int count);
/* Its effect comes next: from there on the handle may be freed, so the wait must be over. */
void shared_over_slowly(struct queue_call *call);
/* Sleeps as call_wait does; ends when nobody alive could end it. */
int shared_wait(const char *verb, struct queue_call *call, int64_t deadline, void *place);
/* An attempt of a select, which sleeps by itself; now and then, or if it is `sure`, it asks the
 * rule of the last one. */
int shared_try(struct queue_call *call, bool sure);
extern const struct plait_case_kind shared_on_get, shared_on_put; /* shared_case.c */
enum shared_side shared_side_of(const struct queue_call *call);
/* This process puts, gets: to be told before it does, since others will wait for it. */
void shared_mark_slowly(plait_queue *queue, enum shared_side side);
/* Is its process gone? */
bool shared_is_gone(const plait_queue *queue, uint64_t owner);

/* ---- shared_close.c */
bool shared_is_closed(const plait_queue *queue);
void shared_close(plait_queue *queue);
void shared_destroy(plait_queue *queue);

#endif
