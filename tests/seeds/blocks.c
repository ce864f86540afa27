/* blocks SEEDS: blocks that fail, are cancelled and lie in each other; all that sleeps inside
 * sleeps until it is cancelled. Generators wait as the task that asks them. */
#include "seeds.h"

#include <errno.h>

static plait_generator *numbers;
static plait_lock turn;
static int asked;

static int sleeps(void *arg)
{
    return plait_sleep(PLAIT_NEVER) == -ECANCELED ? 0 : 1;
}

static int fails(void *arg)
{
    plait_yield();
    return 7;
}

static int starts_a_sleeper(void *arg)
{
    plait_yield();
    return plait_start(NULL, PLAIT_COROUTINE, sleeps, NULL, NULL);
}

static int block(plait_carrier carrier)
{
    int outer = 0, inner = 0;
    plait_scoped (PLAIT_NEVER, &outer) {
        plait_start(NULL, carrier, sleeps, NULL, NULL);
        plait_start(NULL, PLAIT_COROUTINE, starts_a_sleeper, NULL, NULL);
        plait_start(NULL, PLAIT_COROUTINE, fails, NULL, NULL);
        plait_scoped (PLAIT_NEVER, &inner)
            plait_start(NULL, PLAIT_COROUTINE, sleeps, NULL, NULL);
        if (plait_sleep(PLAIT_NEVER) != -ECANCELED)
            return 1;
    }
    return outer != 7 || inner != -ECANCELED;
}

static int ask(void)
{
    int x, rc = 1;
    plait_with (&turn) {
        rc = plait_generator_next(numbers, &x);
        asked++;
    }
    return rc || x != 7;
}

static int contend(void *arg)
{
    plait_carrier carrier = (long)arg % 2 ? PLAIT_THREAD : PLAIT_COROUTINE;
    return block(carrier) || ask();
}

/* Each number is the result of a block's worth of waiting. */
static int count(void *arg)
{
    int rc, x = 0;
    do {
        plait_task *task;
        if (plait_start(&task, PLAIT_COROUTINE, fails, NULL, NULL) != 0 ||
            plait_join(task, &x, PLAIT_NEVER) != 0)
            return 1;
        rc = plait_yield_value(&x, NULL);
    } while (rc == 0);
    return rc;
}

static int once(void)
{
    numbers = plait_generator_open(sizeof(int), count, NULL, NULL);
    for (long i = 0; i < 4; i++) {
        plait_carrier carrier = i % 2 ? PLAIT_THREAD : PLAIT_COROUTINE;
        if (plait_start(NULL, carrier, contend, (void *)i, NULL) != 0)
            return 1;
    }
    int failed = plait_join_all(PLAIT_NEVER);
    plait_generator_free(numbers);
    return failed || asked != 4;
}
