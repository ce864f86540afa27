/* gates SEEDS: tasks meet at a barrier, make a thing once, count a latch down and wait for it,
 * again and again. */
#include "seeds.h"

enum { TASKS = 5, ROUNDS = 3 };

static plait_barrier barrier;
static plait_once making;
static plait_latch left;
static int tries, made, acted;

static void act(void *arg)
{
    acted++;
    plait_yield();
}

/* Fails twice a round. */
static int make(void *arg)
{
    plait_yield();
    if (++tries % 3 != 0)
        return 1;
    made++;
    return 0;
}

static int meet(void)
{
    return plait_barrier_wait(&barrier, PLAIT_NEVER);
}

static int contend(void *arg)
{
    for (int round = 1; round <= ROUNDS; round++) {
        int rc = plait_once_run(&making, make, NULL, PLAIT_NEVER);
        if (rc == 0 ? made != round : rc != -PLAIT_EFAILED) /* who failed leaves it to the others */
            return 1;
        plait_latch_add(&left, -1);
        if (plait_latch_wait(&left, PLAIT_NEVER) != 0 || (rc = meet()) < 0)
            return 1;
        if (rc == 0) { /* one of them makes both new, the others wait at the barrier */
            plait_latch_init(&left, TASKS, PLAIT_PRIVATE);
            plait_once_init(&making, PLAIT_PRIVATE);
        }
        if (meet() < 0)
            return 1;
    }
    return 0;
}

static int once(void)
{
    plait_latch_init(&left, TASKS, PLAIT_PRIVATE);
    if (plait_barrier_init(&barrier, TASKS, PLAIT_PRIVATE) != 0)
        return 1;
    plait_barrier_action(&barrier, act, NULL);
    for (long i = 0; i < TASKS; i++) {
        plait_carrier carrier = i % 2 ? PLAIT_THREAD : PLAIT_COROUTINE;
        if (plait_start(NULL, carrier, contend, (void *)i, NULL) != 0)
            return 1;
    }
    return plait_join_all(PLAIT_NEVER) || acted != 2 * ROUNDS;
}
