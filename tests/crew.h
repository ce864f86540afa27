/* Several tasks that run one function at once, of one carrier or of three kinds mixed: plait's
 * threads, coroutines, plain pthreads. */
#ifndef TESTS_CREW_H
#define TESTS_CREW_H

#include "harness.h"
#include "random.h"

#include <pthread.h>

enum { CREW_MOST = 64, CREW_MIXED = 100 };

/* ck_assert for the inside of tasks: Check takes a lock and writes at each of its own, which would
 * serialize what is to race, and would be held in a forked child. */
#define need(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_abort_msg("%s", #condition);                                                        \
    } while (0)

struct crew {
    int count;
    plait_task *task[CREW_MOST]; /* NULL: a plain pthread */
    pthread_t thread[CREW_MOST];
};

static inline void *crew_pthread(void *arg)
{
    void **pair = arg;
    plait_function *function = (plait_function *)pair[0];
    void *passed = pair[1];
    free(pair);
    return (void *)(intptr_t)function(passed);
}

/* One more; `kind` is a carrier, 0 for a plain pthread. */
static inline void crew_add(struct crew *crew, int kind, plait_function *function, void *arg)
{
    int i = crew->count++;
    ck_assert_int_lt(i, CREW_MOST);
    crew->task[i] = NULL;
    if (kind) {
        ck_assert_int_eq(plait_start(&crew->task[i], (plait_carrier)kind, function, arg, NULL), 0);
        return;
    }
    void **pair = malloc(2 * sizeof *pair);
    pair[0] = (void *)function;
    pair[1] = arg;
    ck_assert_int_eq(pthread_create(&crew->thread[i], NULL, crew_pthread, pair), 0);
}

/* `carrier` CREW_MIXED: thread, coroutine, pthread in turn. */
static inline void crew_start(struct crew *crew, int carrier, int count, plait_function *function,
                              void *arg)
{
    static const int kinds[3] = {PLAIT_THREAD, PLAIT_COROUTINE, 0};
    for (int i = 0; i < count; i++)
        crew_add(crew, carrier == CREW_MIXED ? kinds[i % 3] : carrier, function, arg);
}

/* Waits for all; each must have returned 0. */
static inline void crew_join(struct crew *crew)
{
    for (int i = 0; i < crew->count; i++) {
        int status = -1;
        void *result = NULL;
        if (crew->task[i]) {
            ck_assert_int_eq(plait_join(crew->task[i], &status, PLAIT_NEVER), 0);
        } else {
            ck_assert_int_eq(pthread_join(crew->thread[i], &result), 0);
            status = (int)(intptr_t)result;
        }
        ck_assert_int_eq(status, 0);
    }
    crew->count = 0;
}

/* Start, wait. */
static inline void crew_run(int carrier, int count, plait_function *function, void *arg)
{
    struct crew crew = {.count = 0};
    crew_start(&crew, carrier, count, function, arg);
    crew_join(&crew);
}

/* TEST_LIGHT's two cases and the mixed one. */
#define TEST_CREW(name)                                                                            \
    static void name(int carrier);                                                                 \
    HARNESS_CASE_(name##_thread, #name ".thread", "", name, PLAIT_THREAD)                          \
    HARNESS_CASE_(name##_coroutine, #name ".coroutine", "", name, PLAIT_COROUTINE)                 \
    HARNESS_CASE_(name##_mixed, #name ".mixed", "", name, CREW_MIXED)                              \
    static void name(int carrier)

#endif
