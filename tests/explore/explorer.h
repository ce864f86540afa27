/* Runs the real functions of src/wait, and of what stands on it, under all interleavings of two or
 * three tasks.
 *
 * Every atomic access of src/base/atomic.h is a point in the `explore` build; so are the futex
 * calls and the spin lock's wait, which explorer.c stands in for. An execution is a list of
 * choices: who goes on at each point. The explorer runs the case again and again, each time with
 * the next list, depth first, until none is left. Choices that take the CPU from a task that could
 * go on are pre-emptions; `preemptions` bounds them (Musuvathi and Qadeer 2007: most faults need
 * two), and is printed with the result; EXPLORE_DEEPER=1 in the environment allows one more. A
 * deadline is a choice too: it may strike at any moment.
 *
 * Who waits by looking again and again (os_relax) goes on when the others have moved.
 *
 * The memory order explored is sequential consistency. */
#ifndef EXPLORER_H
#define EXPLORER_H

#include "wait/wait.h"

enum { EXPLORE_TASKS = 4 };

struct explore_case {
    const char *name;
    void (*setup)(void);               /* before each execution */
    void (*task[EXPLORE_TASKS])(void); /* NULL ends the list */
    bool coroutine[EXPLORE_TASKS];     /* its carrier is a coroutine's */
    void (*check)(void);               /* after each execution in which all tasks ended */
    int preemptions;
};

/* Three cases of one kind: on threads, on coroutines, and mixed: the first task on a coroutine or
 * not, the second, the third unlike the first. */
#define EXPLORE_ON_ALL(what, prepare, checks, bound, first, second, ...)                           \
    {what ", threads", prepare, {__VA_ARGS__}, {false, false, false}, checks, bound},              \
        {what ", coroutines", prepare, {__VA_ARGS__}, {true, true, true}, checks, bound},          \
    {                                                                                              \
        what ", mixed", prepare, {__VA_ARGS__}, {first, second, !(first)}, checks, bound           \
    }

/* All interleavings of the case; prints how many. Stops the program with the list of choices when a
 * task is left asleep or a check fails. */
void explore(const struct explore_case *one);
/* In a check or a task: the execution is wrong. */
void explore_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define EXPLORE_CHECK(condition)                                                                   \
    ((condition) ? (void)0 : explore_fail("%s:%d: %s", __FILE__, __LINE__, #condition))
/* From here on the memory belongs to somebody else: whose atomic access touches it is wrong. Until
 * the execution's end. */
void explore_gone(const void *memory, size_t size);
/* How far the clock goes on at each look; 0 before each setup. */
extern int64_t explore_tick;
/* The task's wait_self, for cancels from another one. */
struct wait_self *explore_self(int task);

#define EXPLORE_MAIN(cases)                                                                        \
    int main(void)                                                                                 \
    {                                                                                              \
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases)[0]; i++)                              \
            explore(&(cases)[i]);                                                                  \
        return 0;                                                                                  \
    }

#endif
