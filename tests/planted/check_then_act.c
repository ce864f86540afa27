/* The notes' other unsafe line: a test and what follows from it, in two coroutines; without a lock
 * in the fault, with one around both in the twin. They meet in a loop without a plait call, so that
 * they must be on two workers. */
#include "planted.h"

static int here, left = 1;
static bool fault;
static plait_lock lock;

/* RELAXED orders nothing, so the loop does not hide the race. */
static void meet(void)
{
    __atomic_fetch_add(&here, 1, __ATOMIC_RELAXED);
    while (__atomic_load_n(&here, __ATOMIC_RELAXED) < 2)
        ;
}

static PLANTED_FRAME void buy_if_left(void)
{
    if (left > 0)
        left = left - 1;
}

static int buyer(void *unused)
{
    meet();
    if (!fault)
        must(plait_lock_acquire(&lock, PLAIT_NEVER));
    buy_if_left();
    if (!fault)
        plait_lock_release(&lock);
    return 0;
}

int main(int count, char **words)
{
    fault = planted(count, words);
    must(plait_start(NULL, PLAIT_COROUTINE, buyer, NULL,
                     &(plait_start_options){.name = "the-first-buyer"}));
    must(plait_start(NULL, PLAIT_COROUTINE, buyer, NULL,
                     &(plait_start_options){.name = "the-second-buyer"}));
    return plait_join_all(PLAIT_NEVER);
}
