/* Giving way. Note S2-1-terms.
 *
 * The note: a thread has an entry, a sequence, an exit; it can be preempted, sleep, or give way
 * (yield). Python has no yield for threads but sleep(0). Here plait_yield lets the others run:
 * two tasks take turns with nothing else between them, and without it the first would turn for
 * ever on a single worker. */
#include "notes.h"
#include <stdatomic.h>

static atomic_int turn;

static int player(void *arg)
{
    int self = (int)(long)arg;
    for (int round = 0; round < 3; round++) {
        while (atomic_load(&turn) != self)
            plait_yield();
        printf("%s, round %d\n", self ? "pong" : "ping", round);
        atomic_store(&turn, !self);
    }
    return 0;
}

int main(int argc, char **argv)
{
    plait_configure(&(plait_settings){.workers = 1});
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    plait_start(NULL, carrier, player, (void *)1L, NULL);
    plait_start(NULL, carrier, player, (void *)0L, NULL);
    return plait_join_all(PLAIT_NEVER);
}
