/* Two coroutines write one variable: without a lock in the fault, with one in the twin. Each first
 * waits in a loop for the other, without a plait call, so that they must be on two workers. */
#include "planted.h"

static int here, written;
static bool fault;
static plait_lock lock;

/* RELAXED orders nothing, so the loop does not hide the race. */
static void meet(void)
{
    __atomic_fetch_add(&here, 1, __ATOMIC_RELAXED);
    while (__atomic_load_n(&here, __ATOMIC_RELAXED) < 2)
        ;
}

static void write_it(void (*write)(void))
{
    meet();
    if (!fault)
        must(plait_lock_acquire(&lock, PLAIT_NEVER));
    write();
    if (!fault)
        plait_lock_release(&lock);
}

static PLANTED_FRAME void write_left(void)
{
    written++;
}

static PLANTED_FRAME void write_right(void)
{
    written += 2;
}

static int left(void *unused)
{
    write_it(write_left);
    return 0;
}

static int right(void *unused)
{
    write_it(write_right);
    return 0;
}

int main(int count, char **words)
{
    fault = planted(count, words);
    must(plait_start(NULL, PLAIT_COROUTINE, left, NULL,
                     &(plait_start_options){.name = "the-left-one"}));
    must(plait_start(NULL, PLAIT_COROUTINE, right, NULL,
                     &(plait_start_options){.name = "the-right-one"}));
    return plait_join_all(PLAIT_NEVER);
}
