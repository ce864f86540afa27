/* Processes that use shared objects until they are told to stop, each with threads, coroutines and
 * plain pthreads mixed, while one of them after the other is killed and replaced.
 *
 *     static void act(unsigned *random) { ... one operation, which ends by itself ... }
 *     TEST_LABELED(..., "process") { ...; shared_storm(act, NULL, 3, 40); ... }
 *
 * What must hold in spite of the kills the test asks for afterwards; what must hold at each
 * operation it asks for by need(), which fails the process and thereby the test. */
#ifndef TESTS_SHARED_STORM_H
#define TESTS_SHARED_STORM_H

#include "crew.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SHARED_STORM_MEMBERS = 7, SHARED_STORM_PROCESSES = 8 };

/* In memory from plait_share. */
static struct shared_storm {
    void (*act)(unsigned *random); /* the same address in all, since they are forked */
    long operations;
    unsigned seed;
    int stop;
} * shared_storm_now;

static inline int shared_storm_member(void *unused)
{
    struct shared_storm *storm = shared_storm_now;
    unsigned random = __atomic_add_fetch(&storm->seed, 7919, __ATOMIC_RELAXED);
    while (!__atomic_load_n(&storm->stop, __ATOMIC_RELAXED)) {
        storm->act(&random);
        __atomic_add_fetch(&storm->operations, 1, __ATOMIC_RELAXED);
    }
    return 0;
}

static inline pid_t shared_storm_process(void)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    struct crew crew = {.count = 0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    crew_start(&crew, CREW_MIXED, SHARED_STORM_MEMBERS, shared_storm_member, NULL);
    crew_join(&crew);
    _exit(0);
}

/* end: NULL, or what ends the waits of those who still sleep when it is over; called again and
 * again. */
static inline void shared_storm(void (*act)(unsigned *random), void (*end)(void), int processes,
                                int kills)
{
    pid_t pids[SHARED_STORM_PROCESSES];
    unsigned random = 1;
    struct shared_storm *storm = shared_storm_now = plait_share(sizeof *storm);
    ck_assert_ptr_nonnull(storm);
    storm->act = act;
    for (int i = 0; i < processes; i++)
        pids[i] = shared_storm_process();
    for (int i = 0; i < kills; i++) {
        int which = (int)(crew_random(&random) % (unsigned)processes), status;
        usleep(500 + crew_random(&random) % 8192);
        ck_assert_int_eq(kill(pids[which], SIGKILL), 0);
        ck_assert_int_eq(waitpid(pids[which], &status, 0), pids[which]);
        ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "one failed");
        pids[which] = shared_storm_process();
    }
    __atomic_store_n(&storm->stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < processes; i++) {
        int status;
        pid_t pid;
        while ((pid = waitpid(pids[i], &status, end ? WNOHANG : 0)) == 0) {
            end();
            usleep(500);
        }
        ck_assert_int_eq(pid, pids[i]);
        ck_assert_msg(status == 0, "one failed: %x", (unsigned)status);
    }
    ck_assert_int_gt(storm->operations, kills);
    plait_share_free(storm);
}

/* None, or some milliseconds ahead. */
static inline int64_t shared_storm_deadline(unsigned *random)
{
    unsigned choice = crew_random(random) % 4;
    return choice == 0 ? PLAIT_NOW : plait_after((int64_t)choice * PLAIT_MILLISECOND);
}

#endif
