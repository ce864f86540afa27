/* Fields, a loop, a daemon. Note S3-1.3-subclass.
 *
 * Python: x and y set before the base's __init__, run prints them and loops; daemon set before
 * start; main sleeps for 1 s and prints 1, and the son goes with it, in the midst of its loop. */
#include "notes.h"

struct son {
    int x, y;
};

static int son_run(void *self)
{
    const struct son *son = self;
    printf("%d s  %d %d\n", now(), son->x, son->y);
    for (int i = 0; i < 5; i++) {
        printf("%d s  in son1\n", now());
        plait_sleep(in(1));
    }
    return 0;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_PROCESS);
    static struct son son = {1, 2};
    plait_start(NULL, carrier, son_run, &son, &(plait_start_options){.daemon = true});
    plait_sleep(in(1));
    printf("%d s  1\n", now());
}
