/* The kill harness: a victim is killed after each single instruction of an operation, and then
 * somebody else must be able to use the object.
 *
 * A noun has a file of its own here: its struct kill_noun and its cases, both listed in kill.c.
 * A case is stepped through once, which notes where its instructions are. Then, for each point, in
 * this order:
 *   1. noun->fresh() by the harness: the object as new
 *   2. a contended case: noun->block() by the harness (takes the lock, fills the queue), so that
 *      the operation has to wait; noun->unblock() when the victim sleeps
 *   3. the victim, a new process, runs case->prepare(), on a coroutine if the case says so
 *   4. a waited case: the waiter, a process that stays, calls noun->use() and sleeps in it
 *   5. the victim runs and steps to an instruction of case->operate() and is killed there
 *   6. noun->rescue(), if there is one: what a living task does that ends the waiter's wait, where
 *      a death alone need not
 *   7. the waiter has ended its use, or the harness calls noun->use() itself: within 50 ms, without
 *      patrol; where only patrol can tell and the row says so, all of it once more with patrol
 *   8. two more uses must return 0, and noun->is_sound() be true */
#ifndef KILL_KILL_H
#define KILL_KILL_H

#include "wait/robust.h"

#include <limits.h>
#include <plait.h>
#include <stdint.h>
#include <stdio.h>

enum { STAGE_NONE, STAGE_READY, STAGE_GOES, STAGE_DONE };

/* What harness, victim and waiter share. */
struct common {
    /* Of the noun: room for small objects. Opaque ones are opened by noun->open, before the waiter
     * and the victims are forked, so that these have them. */
    uint64_t object[512] __attribute__((aligned(64)));
    /* Of the noun: two that must be equal while nobody is inside, for example. Volatile, because one
     * instruction for both would leave no moment in which they differ. */
    volatile long first, second;
    uint32_t stage; /* of the victim's operation */
    pid_t tid;      /* the thread to be stepped */
    int go;
    uint32_t asked, began, answered; /* the waiter's jobs */
    int rc;                          /* of its last one */
    int64_t got_at;
    int64_t patience; /* how long survivors wait until they are stuck */
    int64_t waits;    /* the waiter's deadline */
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
    bool
        endless; /* its calls have no deadline: they may wait for a stopped one, told in the docs */
};

/* Which way the victim takes. A row is a thread's; kill.c makes the others of it. */
enum kill_path {
    PATH_THREAD,
    PATH_RING,   /* a coroutine; its worker's ring sleeps in the kernel for it, if it sleeps */
    PATH_HELPER, /* a coroutine that sleeps through its process' helper thread */
    PATH_HELPER_ITSELF, /* not the worker is stepped but the helper, from its sleep on */
};

/* Where it is not the kernel that tells the others of the death but their patrol, as
 * docs/shared-memory.md and its pages of the nouns say. A coroutine that was unblocked:
 * PATROL_WOKEN, whatever the row says. */
enum kill_patrol {
    PATROL_NEVER,
    PATROL_WOKEN, /* once the victim has slept and was unblocked: a wake dies with it */
    PATROL_HELD,  /* wherever it is: what it holds is in no list of the kernel's */
};

struct kill_case {
    const char *name;
    const struct kill_noun *noun;
    void (*prepare)(void); /* in the victim, before it is stepped; may be NULL */
    void (*operate)(void);
    bool contended; /* the object is blocked, and unblocked when the victim sleeps */
    bool waited;    /* the waiter sleeps in its use before the operation begins */
    enum kill_path path;
    enum kill_patrol patrol;
    bool planted; /* must be found stuck */
};
extern const struct kill_case kill_lock_cases[]; /* each noun's, ended by one without a name */
extern const struct kill_case kill_value_cases[], kill_latch_cases[], kill_once_cases[];
extern const struct kill_case kill_pipe_cases[], kill_event_cases[], kill_rlock_cases[];
extern const struct kill_case kill_rwlock_cases[];
extern const struct kill_case kill_semaphore_cases[], kill_condition_cases[], kill_segment_cases[];
extern const struct kill_case kill_barrier_cases[], kill_permits_cases[];
extern const struct kill_case kill_queue_cases[], kill_places_cases[];
extern const struct kill_case kill_dict_cases[], kill_area_cases[];

/* ---- step.c: the victim under ptrace */
struct victim {
    pid_t pid, tid;
};
/* Stops the thread and lets it go on only as far as is told. False: ptrace does not work here. */
bool victim_seize(struct victim *victim, pid_t pid, pid_t tid);
/* One instruction. When it is a system call that sleeps, calls blocked() once and waits on.
 * False: the victim is gone. */
bool victim_step(struct victim *victim, void (*blocked)(void));
/* At full speed, until it has come to `place` so many times, which it has not executed then. False:
 * it has ended its operation without, or sleeps for ever. */
bool victim_run_to(struct victim *victim, uint64_t place, int times, void (*blocked)(void));
void victim_kill(struct victim *victim);
uint64_t victim_place(const struct victim *victim); /* where it stands */
bool thread_sleeps(pid_t pid, pid_t tid);
pid_t thread_named(pid_t pid, const char *name); /* of process pid; 0: none yet */

/* ---- path.c: the places of an operation's instructions */
struct way {
    uint64_t place;
    int times, steps; /* run to it, so many times, then step on */
};
void path_clear(void);
/* Before its first instruction, and after each; has that one changed what outlives the victim? */
bool path_add(uint64_t place, bool changed);
bool path_close(void); /* all are there; both false: no memory */
int path_length(void); /* instructions */
/* Every one of them, or those next to a change, of each loop 16 rounds and the last; how many. */
int path_choose(bool every);
int path_point(int i);         /* the `i`th of the chosen ones */
struct way path_to(int point); /* to stand where instruction `point` has been executed */

/* ---- state.c: what outlives the victim */
void state_begin(const struct victim *victim);
bool state_changed(const struct victim *victim); /* by the step since the last look */

/* ---- point.c: one kill */
struct outcome {
    int rc;       /* what the survivor was told */
    int64_t took; /* how long it took */
    uint64_t place;
    bool reached; /* else the operation was over before */
    bool woken;   /* it had slept and was unblocked */
    bool sound;
    int beside;  /* what a use was told beside the stopped victim; -ETIME: it did not come back */
    bool waited; /* it came back when the victim went on */
};
/* Steps through the operation and notes its path. False: no ptrace here. */
bool point_measure(const struct kill_case *one);
struct outcome point_kill(const struct kill_case *one, int point);
/* The victim is stopped first; who uses the object beside it is asked, with a deadline. */
struct outcome point_stop_and_kill(const struct kill_case *one, int point);
void survivors_patrol(const struct kill_case *one, bool patrols);

/* ---- waiter.c: a process that uses the object while the victim dies */
void waiter_start(const struct kill_noun *noun);
/* Longer than the harness waits for it. */
#define WAITER_WAITS (10 * PLAIT_SECOND)
void waiter_ask(const struct kill_noun *noun); /* returns once it sleeps in its use, or is done */
bool waiter_has_got(int64_t deadline);
void waiter_end(void);

/* ---- stop.c: SIGSTOP */
/* What somebody else's use was told; -ETIME: it did not come back. `go_on` for an endless one, else
 * NULL: called when the victim goes on; *waited: the use came back only then. */
int point_stop(struct victim *victim, void (*go_on)(void), bool *waited);

/* ---- case.c: so many points of a case, spread over it. In a process of its own, because settings
 * are read once. Exits. */
enum { KILL_SKIPPED = 77, KILL_FULL = 0, KILL_EVERY = INT_MAX };
struct sum {
    long kills, instructions, in_full, by_patrol, stops;
};
void case_run(const struct kill_case *one, int points, struct sum *sum);

/* ---- victim.c */
pid_t victim_start(const struct kill_case *one); /* returns when it is ready */

/* ---- dead.c: for rows whose victim repairs, called by fresh() or unblock() */
/* Another process, before the victim, is killed in `operate` as soon as is_half_done() holds between
 * two instructions; NULL: when it is through. */
void dead_leave(void (*prepare)(void), void (*operate)(void), bool (*is_half_done)(void));
/* The same; false: it never held. */
bool dead_try(void (*prepare)(void), void (*operate)(void), bool (*is_half_done)(void));

#endif
