/* What the models of the small shared objects have in common: threads that sleep and are woken, and
 * the kernel's work at a death. A thread may be killed before each of its steps. */
#ifndef MODELS_WAITERS_H
#define MODELS_WAITERS_H

#include "explore.h"

enum { THREADS_MOST = 4 };
enum { COVERED = 1, TIMED = 2, LEAVES = 4, SLEPT = 8, LINKED = 16, MARKED = 32 }; /* of flags */

/* The first places of every model. */
enum {
    ASLEEP,
    /* Woken on another word, not yet out of this one's queue: a wake here is lost on it. */
    PASSED_BY,
    ROUSED,
    GONE,
    DEAD,
    FIRST
};

struct thread {
    uint8_t place, flags, seen, times, turns, rounds, kept;
};

struct state {
    uint8_t kills, hole; /* hole: somebody sleeps whom only his patrol can help, as is told */
    uint8_t object[6];   /* the model's own */
    struct thread threads[THREADS_MOST];
};

struct step {
    struct state next;
    struct thread *me;
    int i;
    struct explore *run;
};

/* What the kernel does to the object for thread i, which was killed; true: it wakes one sleeper. */
static bool waiters_die(struct state *next, int i);
/* A wake of one may choose it: it is asleep, or has queued itself and is on its way. */
static bool waiters_queued(const struct thread *me);
/* It was chosen, for a dead one's sake. */
static void waiters_woken(struct state *next, int j);

static inline int size(int which)
{
    return explore_case_now->sizes[which];
}

static inline struct thread *begin(struct step *step, const struct state *state, int i,
                                   struct explore *run)
{
    *step = (struct step){.next = *state, .i = i, .run = run};
    step->me = &step->next.threads[i];
    return step->me;
}

static inline void go(struct step *step, int place, const char *label)
{
    step->me->place = (uint8_t)place;
    explore_step(step->run, &step->next, true, label);
}

static inline void wake_all(struct state *state)
{
    for (int j = 0; j < THREADS_MOST; j++)
        if (state->threads[j].place == ASLEEP)
            state->threads[j].place = ROUSED;
}

/* The kernel wakes one, whichever; a copy of the state for each. */
static inline bool wake_one(const struct step *from, bool progress, const char *label)
{
    bool any = false;
    for (int j = 0; j < THREADS_MOST; j++)
        if (waiters_queued(&from->next.threads[j])) {
            struct state next = from->next;
            next.threads[j].place = ROUSED;
            if (!progress)
                waiters_woken(&next, j);
            explore_step(from->run, &next, progress, label);
            any = true;
        }
    if (!any)
        explore_step(from->run, &from->next, progress, label);
    return any;
}

static inline void kill_it(const struct state *state, int i, struct explore *run)
{
    struct step step;
    struct thread *me = begin(&step, state, i, run);
    if (state->kills == 0)
        return;
    step.next.kills--;
    bool wakes = waiters_die(&step.next, i);
    *me = (struct thread){.place = DEAD};
    if (wakes)
        wake_one(&step, false, "killed; the kernel wakes one");
    else
        explore_step(run, &step.next, false, "killed");
}

/* How a sleep ends beside a wake: the deadline or a cancel, and the patrol. The latter only where a
 * sleeper is told to need it, so that each other one must have been woken. */
static inline void end_sleep(const struct state *state, int i, int look, struct explore *run)
{
    struct step step;
    if (state->threads[i].flags & TIMED) {
        begin(&step, state, i, run)->flags |= LEAVES;
        go(&step, look, "deadline or cancel");
    }
    begin(&step, state, i, run);
    if (state->threads[i].place != ASLEEP)
        go(&step, look, "wakes up");
    else if (state->hole)
        go(&step, look, "patrol");
}

static inline bool is_over(const struct thread *me)
{
    return me->place == GONE || me->place == DEAD;
}

/* Of all threads: who waits is at a place below `others`, and looks again at `look`. */
static inline void waiters_steps(const struct state *state, struct explore *run, int look,
                                 int others, void (*waits)(struct step *),
                                 void (*acts)(struct step *))
{
    for (int i = 0; i < THREADS_MOST; i++) {
        struct step step;
        begin(&step, state, i, run);
        if (is_over(step.me))
            continue;
        kill_it(state, i, run);
        if (step.me->place <= ROUSED)
            end_sleep(state, i, look, run);
        else if (step.me->place < others)
            waits(&step);
        else
            acts(&step);
    }
}

#endif
