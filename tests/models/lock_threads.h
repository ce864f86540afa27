/* The lock's model: its state, and what may happen to a thread from outside: kills, stops. */
#ifndef MODELS_LOCK_THREADS_H
#define MODELS_LOCK_THREADS_H

#include "explore.h"

enum { THREADS_MOST = 5, NOBODY = 0 };
enum { W = 1, D = 2 }; /* of `bits` */
enum { COVERED = 1, LINKED = 2, WOKEN = 4, LEAVING = 8, STOPPED = 16, TIMED = 32, TOLD = 64 };

/* Where a thread stands: the step it takes next. The numbers in the comments are those of the
 * protocol. */
enum place {
    A_COVER,   /* 1 */
    A_LOOK,    /* 2 */
    A_TAKE,    /* 2 */
    A_LINK,    /* 2a */
    A_UNCOVER, /* 2b */
    A_MARK_W,  /* 3 */
    A_SLEEP,   /* 4: the kernel compares and queues, one step */
    ASLEEP,
    P_MARK,    /* patrol: the holder is gone and unmarked */
    L_UNCOVER, /* leaves without it */
    A_CHECK,   /* 2c: taken with D: was it given up? */
    INSIDE,
    R_COVER,   /* 5 */
    R_UNLINK,  /* 5a */
    R_REFUSE,  /* 5b: only when D is still in the word */
    R_STORE,   /* 5c */
    R_WAKE,    /* 6 */
    R_CLEAR,   /* 6a */
    R_LATE,    /* (second half of 6a where a variant takes it apart) */
    R_UNCOVER, /* 7 */
    GONE,
    DEAD,
};

struct thread {
    uint8_t place, flags, seen_owner, seen_bits, rounds;
};

struct state {
    uint8_t owner; /* 0, or number of a thread + 1 */
    uint8_t bits;
    uint8_t refused;
    uint8_t link; /* who wrote the lock's link last */
    uint8_t died; /* an owner died inside and nobody has mended since */
    uint8_t given_up;
    uint8_t harmed; /* kills and stops so far */
    uint8_t unused;
    struct thread threads[THREADS_MOST];
};

enum {
    SIZE_THREADS,
    SIZE_ROUNDS,
    SIZE_KILLS,
    SIZE_STOPS,
    SIZE_UNMARKED,
    SIZE_TIMED,
    SIZE_REFUSE,
    SIZE_PATROL
};

static int size(int which)
{
    return explore_case_now->sizes[which];
}

/* ---- steps in the making: a copy of the state, changed and handed over */

struct step {
    struct state next;
    struct thread *me; /* in `next` */
    int i;
    struct explore *run;
};

static struct step step_of(const struct state *state, int i, struct explore *run)
{
    struct step step = {.next = *state, .i = i, .run = run};
    return step;
}

static struct thread *me_of(struct step *step)
{
    return &step->next.threads[step->i];
}

static void go(struct step *step, enum place place, const char *label)
{
    me_of(step)->place = (uint8_t)place;
    explore_step(step->run, &step->next, true, label);
}

static bool sees_the_same(const struct state *state, const struct thread *me)
{
    return state->owner == me->seen_owner && state->bits == me->seen_bits;
}

static void rouse(struct thread *sleeper)
{
    sleeper->place = A_LOOK;
    sleeper->flags |= WOKEN;
}

/* FUTEX_WAKE(1): the kernel may take any sleeper, stopped ones too. `found` and `none` say where
 * the waker goes on. */
static void wake_one(const struct step *from, enum place found, enum place none, bool progress,
                     const char *label)
{
    bool any = false;
    for (int j = 0; j < size(SIZE_THREADS); j++)
        if (from->next.threads[j].place == ASLEEP) {
            struct step step = *from;
            rouse(&step.next.threads[j]);
            me_of(&step)->place = (uint8_t)found;
            explore_step(step.run, &step.next, progress, label);
            any = true;
        }
    if (!any) {
        struct step step = *from;
        me_of(&step)->place = (uint8_t)none;
        explore_step(step.run, &step.next, progress, label);
    }
}

static void wake_all(struct step *step, enum place then, const char *label)
{
    for (int j = 0; j < size(SIZE_THREADS); j++)
        if (step->next.threads[j].place == ASLEEP)
            rouse(&step->next.threads[j]);
    go(step, then, label);
}

/* ---- the environment: kills, stops, time */

/* exit_robust_list: every entry of the list but the pending one, then the pending one. A word
 * that holds the dead one's TID gets D, and one sleeper is woken if W is set; the pending word,
 * when nobody holds it, has one sleeper woken whatever W says. */
static void die(const struct state *state, int i, struct explore *run)
{
    struct step step = step_of(state, i, run);
    struct state *next = &step.next;
    uint8_t flags = me_of(&step)->flags;
    bool mine = next->owner == i + 1, covered = flags & COVERED, linked = flags & LINKED;
    next->harmed++;
    *me_of(&step) = (struct thread){.place = DEAD};
    if (mine)
        next->died = 1;
    if (linked && next->link != i + 1)
        explore_fault(run, "the dead one's list leads into another thread's");
    if (mine && (linked || covered)) {
        next->owner = NOBODY;
        next->bits |= D;
        if (next->bits & W) {
            wake_one(&step, DEAD, DEAD, false, "killed; the kernel marks and wakes");
            return;
        }
    } else if (covered && next->owner == NOBODY) {
        wake_one(&step, DEAD, DEAD, false, "killed; the kernel wakes for the pending word");
        return;
    }
    explore_step(run, next, false, "killed");
}

static void die_unmarked(const struct state *state, int i, struct explore *run)
{
    struct step step = step_of(state, i, run);
    if (step.next.owner == i + 1)
        step.next.died = 1;
    step.next.harmed++;
    *me_of(&step) = (struct thread){.place = DEAD};
    explore_step(run, &step.next, false, "killed unmarked");
}

static void stop(const struct state *state, int i, struct explore *run)
{
    struct step step = step_of(state, i, run);
    me_of(&step)->flags |= STOPPED;
    step.next.harmed++;
    explore_step(run, &step.next, false, "stopped");
}

static void environment(const struct state *state, int i, struct explore *run)
{
    if (state->harmed < size(SIZE_KILLS))
        die(state, i, run);
    if (state->harmed < size(SIZE_UNMARKED))
        die_unmarked(state, i, run);
    if (state->harmed < size(SIZE_STOPS) && !(state->threads[i].flags & STOPPED))
        stop(state, i, run);
}

static bool holder_is_gone(const struct state *state)
{
    return state->owner != NOBODY && state->threads[state->owner - 1].place == DEAD;
}

#endif
