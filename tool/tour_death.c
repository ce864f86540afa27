/* A child is SIGKILLed, from outside as far as plait can see, while its parent waits in
 * plait_join. */
#include "page.h"
#include "result.h"
#include "tour.h"

#include <plait.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

enum { ROUNDS = 11 };

struct murder {
    pid_t victim;
    int64_t when;
};

static int sleep_for_ever(void *arg)
{
    return plait_sleep(PLAIT_NEVER);
}

/* A little later, so that the parent waits already. */
static int murder(void *arg)
{
    struct murder *murder = arg;
    int error = plait_sleep(plait_after(5 * PLAIT_MILLISECOND));
    murder->when = plait_now();
    kill(murder->victim, SIGKILL);
    return error;
}

/* From the kill to the return of the parent's join, or a negative code. */
static int64_t notice(void)
{
    plait_task *child, *killer;
    int status = 0, error = plait_start(&child, PLAIT_PROCESS, sleep_for_ever, NULL, NULL);
    if (error)
        return error;
    struct murder act = {plait_task_pid(child), 0};
    int started = plait_start(&killer, PLAIT_THREAD, murder, &act, NULL);
    if (started)
        kill(act.victim, SIGKILL);
    error = plait_join(child, &status, PLAIT_NEVER);
    int64_t noticed = plait_now();
    if (started)
        return started;
    plait_join(killer, NULL, PLAIT_NEVER);
    return error ? error : plait_killed_by(status) == SIGKILL ? noticed - act.when : -ECANCELED;
}

static int by_value(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void report(const int64_t *took)
{
    if (took[0] < 0)
        page_line("%s", plait_strerror((int)took[0]));
    else
        page_line("%d times: noticed, and its status told, after %s (%s to %s)", ROUNDS,
                  PAGE_TIME(took[ROUNDS / 2]), PAGE_TIME(took[0]), PAGE_TIME(took[ROUNDS - 1]));
    result_object("death");
    result_number("rounds", ROUNDS);
    result_real("median_seconds", took[ROUNDS / 2] / 1e9);
    result_real("least_seconds", took[0] / 1e9);
    result_real("most_seconds", took[ROUNDS - 1] / 1e9);
    result_bool("right", took[0] >= 0);
    result_end();
}

int tour_death(const struct tour *tour)
{
    int64_t took[ROUNDS];
    page_title("5  A child SIGKILLed while its parent waits in plait_join");
    for (int i = 0; i < ROUNDS; i++) {
        page_progress(i, ROUNDS, "killing a child");
        took[i] = notice();
    }
    qsort(took, ROUNDS, sizeof *took, by_value);
    report(took);
    return took[0] < 0;
}
