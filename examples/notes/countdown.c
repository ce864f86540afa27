/* A countdown in a thread. Note S4-T1-start.
 *
 * Python: from 20 down to 11, one line every 2 s. Each sleep starts when the line is out, as in
 * the note; on a virtual clock the stamps are exact all the same. */
#include "notes.h"

static int count_down(void *from)
{
    for (long n = (long)from; n > 10; n--) {
        printf("%d s  last %ld s\n", now(), n);
        plait_sleep(in(2));
    }
    return 0;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    plait_start(NULL, carrier, count_down, (void *)20L, NULL);
    return plait_join_all(PLAIT_NEVER);
}
