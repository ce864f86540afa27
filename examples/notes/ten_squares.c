/* Ten at once. Note S2-4-10procs.
 *
 * Python: ten processes sleep for 1 s and print a square; one after the other that would take 10
 * s, together it takes 1. */
#include "notes.h"

static int square(void *number)
{
    long n = (long)number;
    plait_sleep(in(1));
    printf("%d s  %ld\n", now(), n * n);
    return 0;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_PROCESS);
    for (long i = 0; i < 10; i++)
        plait_start(NULL, carrier, square, (void *)i, NULL);
    return plait_join_all(PLAIT_NEVER);
}
