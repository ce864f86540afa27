/* Readers and writers, where no writer starves. The first reader takes the room, the last one
 * leaves it, and between them the semaphore has no owner, as a lock would. Who comes goes through a
 * turnstile; a writer stands in it while he waits, so that no reader passes. */
#include "book.h"

enum { READERS = 5, WRITERS = 3, ROUNDS = 100 };

static plait_lock turnstile, door;
static plait_semaphore room;
static int readers;                  /* the door's */
static int reading, writing, passed; /* as they are, for the checks */
static long text[2];                 /* always alike, but for a writer */

static void enter(void)
{
    plait_with (&door)
        if (++readers == 1)
            down(&room);
}

static void leave(void)
{
    plait_with (&door)
        if (--readers == 0)
            up(&room, 1);
}

static int read_it(void *me)
{
    for (int i = 0; i < ROUNDS; i++) {
        plait_with (&turnstile)
            __atomic_add_fetch(&passed, 1, __ATOMIC_RELAXED);
        enter();
        __atomic_add_fetch(&reading, 1, __ATOMIC_RELAXED);
        long one = text[0];
        dawdle();
        check(text[1] == one && !__atomic_load_n(&writing, __ATOMIC_RELAXED));
        __atomic_sub_fetch(&reading, 1, __ATOMIC_RELAXED);
        leave();
    }
    return 0;
}

static int write_it(void *me)
{
    for (int i = 0; i < ROUNDS; i++)
        plait_with (&turnstile) {
            int before = __atomic_load_n(&passed, __ATOMIC_RELAXED);
            down(&room);
            check(__atomic_load_n(&passed, __ATOMIC_RELAXED) == before); /* nobody overtook him */
            check(__atomic_add_fetch(&writing, 1, __ATOMIC_RELAXED) == 1);
            check(!__atomic_load_n(&reading, __ATOMIC_RELAXED));
            text[0]++;
            dawdle();
            text[1]++;
            __atomic_sub_fetch(&writing, 1, __ATOMIC_RELAXED);
            up(&room, 1);
        }
    return 0;
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    units(&room, 1);
    start(READERS, read_it);
    start(WRITERS, write_it);
    return end("readers and writers") || text[0] != WRITERS * ROUNDS;
}
