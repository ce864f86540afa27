/* The kill harness: a victim is killed after each single instruction of an operation, and then
 * somebody else must be able to use the object.
 *
 * A noun has a file of its own here: its struct kill_noun and its cases, both listed in kill.c.
 * For each point of each case, in this order:
 *   1. noun->fresh() by the harness: the object as new
 *   2. a contended case: noun->block() by the harness (takes the lock, fills the queue), so that the
 *      operation has to wait; noun->unblock() when the victim sleeps
 *   3. the victim, a new process, runs case->prepare(), on a coroutine if the case says so
 *   4. a waited case: the waiter, a process that stays, calls noun->use() and sleeps in it
 *   5. the victim steps through case->operate() and is killed
 *   6. noun->rescue(), if there is one: what a living task does that ends the waiter's wait, where a
 *      death alone need not
 *   7. the waiter has ended its use, or the harness calls noun->use() itself: within 50 ms
 *   8. two more uses must return 0, and noun->is_sound() be true */
#ifndef KILL_KILL_H
#define KILL_KILL_H

#include "wait/robust.h"

#include <plait.h>
#include <stdint.h>
#include <stdio.h>

enum { STAGE_NONE, STAGE_READY, STAGE_GOES, STAGE_DONE };

/* What harness, victim and waiter share. */
struct common {
    /* Of the noun: room for small objects. Opaque ones are opened by noun->open, before the waiter
     * and the victims are forked, so that these have them. */
    uint64_t object[512] __attribute__((aligned(64)));
    long first,
        second; /* of the noun: two that must be equal while nobody is inside, for example */
    int stage;  /* of the victim's operation */
    pid_t tid;  /* the thread to be stepped */
    int go;
    int asked, answered; /* the waiter's jobs */
    int rc;              /* of its last one */
    int64_t got_at;
};
extern struct common *common;

struct kill_noun {
    void (*open)(void); /* once in each case's process, before anybody else is there; may be NULL */
    void (*fresh)(void); /* the object as new; the last victim is dead, the waiter at rest */
    void (*block)(void), (*unblock)(void); /* only for contended cases */
    void (*rescue)(void);                  /* may be NULL */
    /* Uses the object as a survivor does and looks whether what it protects or holds is whole.
     * *got_at: when it had it. 0; -EOWNERDEAD: had it, was told of a death, mended; -ETIMEDOUT:
     * stuck; any other code: wrong. */
    int (*use)(int64_t deadline, int64_t *got_at);
    bool (*is_waited_for)(pid_t waiter); /* has the waiter lain down? NULL: its thread sleeps */
    bool (*is_sound)(void);              /* nobody uses it now; may be NULL */
};

struct kill_case {
    const char *name;
    const struct kill_noun *noun;
    void (*prepare)(void); /* in the victim, before it is stepped; may be NULL */
    void (*operate)(void);
    bool coroutine; /* the victim's operation runs on one */
    bool contended; /* the object is blocked, and unblocked when the victim sleeps */
    bool waited;    /* the waiter sleeps in its use before the operation begins */
    bool ringless;  /* a coroutine waits through the helper thread, not through its worker's ring */
    bool
        helper; /* ringless; not the victim's worker is stepped but its helper, from its sleep on */
    bool patrol;  /* a window that only patrol mends, told in docs/shared-memory.md */
    bool planted; /* must be found stuck */
};
extern const struct kill_case kill_lock_cases[]; /* each noun's, ended by one without a name */
extern const struct kill_case kill_value_cases[], kill_latch_cases[], kill_once_cases[];
extern const struct kill_case kill_pipe_cases[], kill_event_cases[], kill_rlock_cases[];
extern const struct kill_case kill_rwlock_cases[];
extern const struct kill_case kill_semaphore_cases[], kill_condition_cases[], kill_segment_cases[];
extern const struct kill_case kill_barrier_cases[], kill_permits_cases[];
extern const struct kill_case kill_queue_cases[];
extern const struct kill_case kill_dict_cases[];

/* ---- step.c: the victim under ptrace */
struct victim {
    pid_t pid, tid;
};
/* Stops the thread and lets only single instructions through. False: ptrace does not work here. */
bool victim_seize(struct victim *victim, pid_t pid, pid_t tid);
/* One instruction. When it is a system call that sleeps, calls blocked() once and waits on.
 * False: the victim is gone. */
bool victim_step(struct victim *victim, void (*blocked)(void));
void victim_kill(struct victim *victim);
/* Where it stands, for messages. */
void *victim_place(const struct victim *victim);
bool thread_sleeps(pid_t pid, pid_t tid);
pid_t thread_named(pid_t pid, const char *name); /* of process pid; 0: none yet */

/* ---- waiter.c: a process that uses the object while the victim dies */
void waiter_start(const struct kill_noun *noun);
void waiter_ask(const struct kill_noun *noun); /* returns once it sleeps in its use, or is done */
bool waiter_has_got(int64_t deadline);
void waiter_end(void);

/* ---- victim.c */
pid_t victim_start(const struct kill_case *one); /* returns when it is ready */

#endif
