/* Mutual exclusion without starving, from semaphores that promise nothing about whom they let
 * through (Morris 1979). There are two rooms. All go from the first into the second, and when the
 * first is empty its gate is closed and all of the second go in, one by one: so a fast one can
 * overtake a slow one at most twice. */
#include "book.h"

enum { TASKS = 6, ROUNDS = 100 };

static plait_lock lock;
static plait_semaphore gate1, gate2;
static int room1, room2; /* room1 is the lock's, room2 of who has passed a gate */
static int inside;
static long entries;

static long arrive(void)
{
    long before = 0;
    plait_with (&lock) {
        room1++;
        before = __atomic_load_n(&entries, __ATOMIC_RELAXED);
    }
    down(&gate1);
    room2++;
    bool last = false;
    plait_with (&lock)
        last = --room1 == 0;
    up(last ? &gate2 : &gate1, 1);
    return before;
}

static int work(void *me)
{
    for (int i = 0; i < ROUNDS; i++) {
        long before = arrive();
        down(&gate2);
        room2--;
        check(++inside == 1);
        check(entries - before <= 2 * (TASKS - 1)); /* nobody waits longer */
        __atomic_add_fetch(&entries, 1, __ATOMIC_RELAXED);
        dawdle();
        inside--;
        up(room2 ? &gate2 : &gate1, 1);
        dawdle();
    }
    return 0;
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    units(&gate1, 1);
    start(TASKS, work);
    return end("no-starve mutex") || entries != TASKS * ROUNDS;
}
