/* Coroutines of one thread need no lock - between two waits. Notes S4-C1, S4-C2, S4-C3.
 *
 * The note: not preempted, several entry points, one thread, "needs no lock". True here for one
 * worker: from one plait call to the next nobody else runs, so `balanced` is exact. But a wait
 * inside the section lets others in (`torn` loses updates), and with several workers two run at
 * once: then a lock is needed here too. */
#include "notes.h"

static int balanced, torn;

static int change(void *arg)
{
    for (int i = 0; i < 100; i++) {
        int own = balanced;
        balanced = own + 1; /* no plait call since the load: nobody can have come between */

        own = torn;
        plait_sleep(in(0.01)); /* everybody reads the same, everybody stores the same */
        torn = own + 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    plait_configure(&(plait_settings){.workers = 1});
    begin(argc, argv, PLAIT_COROUTINE);
    for (int i = 0; i < 10; i++)
        plait_start(NULL, PLAIT_COROUTINE, change, NULL, NULL);
    int failed = plait_join_all(PLAIT_NEVER);
    printf("without a wait inside: %d\n", balanced);
    printf("with a wait inside: %s\n", torn < 1000 ? "fewer than 1000" : "1000");
    return failed;
}
