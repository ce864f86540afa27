/* book.h - what the programs here share: the carrier from the command line, tasks that dawdle,
 * checks that count.
 *
 * The problems are those of Allen Downey's "The Little Book of Semaphores"; code and words are our
 * own. Each program runs to its end without sleeping, checks at every step what must never be
 * broken, and says how often it has looked.
 *
 *     ./santa_claus thread          the same on threads
 *     PLAIT_SEED=3 ./santa_claus    another order, the same one each time */
#ifndef BOOK_H
#define BOOK_H

#include <plait.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static plait_carrier carrier = PLAIT_COROUTINE;
static long checks;

static inline void begin(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "thread") == 0)
        carrier = PLAIT_THREAD;
}

static inline void check_(int holds, const char *what, int line)
{
    __atomic_add_fetch(&checks, 1, __ATOMIC_RELAXED);
    if (holds)
        return;
    fprintf(stderr, "broken in line %d: %s\n", line, what);
    _exit(1); /* at once: the others would wait for ever */
}
#define check(condition) check_(condition, #condition, __LINE__)

/* So many tasks of one kind; each gets its number. */
static inline void start(int count, plait_function *function)
{
    for (intptr_t i = 0; i < count; i++)
        check(plait_start(NULL, carrier, function, (void *)i, NULL) == 0);
}

/* Waits for all of them. */
static inline int end(const char *what)
{
    check(plait_join_all(PLAIT_NEVER) == 0);
    printf("%s: %ld checks hold on %ss\n", what, checks,
           carrier == PLAIT_THREAD ? "thread" : "coroutine");
    return 0;
}

/* Lets others run, now and then, so that they meet in every order. */
static inline void dawdle(void)
{
    static unsigned choice;
    unsigned mine = __atomic_add_fetch(&choice, 2654435761u, __ATOMIC_RELAXED);
    for (unsigned i = mine >> 28; i > 12; i--)
        plait_yield();
}

/* Draws one of so many tickets, of which a task has one at a time: the last ones are in different
 * hands. */
static inline bool draw(int *drawn, int tickets)
{
    return __atomic_fetch_add(drawn, 1, __ATOMIC_RELAXED) < tickets;
}

static inline void down(plait_semaphore *semaphore)
{
    check(plait_semaphore_acquire(semaphore, 1, PLAIT_NEVER) == 0);
}

static inline void up(plait_semaphore *semaphore, int units)
{
    plait_semaphore_release(semaphore, units);
}

static inline void units(plait_semaphore *semaphore, int count)
{
    plait_semaphore_init(semaphore, count, 0, PLAIT_PRIVATE);
}

#endif
