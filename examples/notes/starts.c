/* Two threads from a function, two from an object. Notes S0-3.2-func, S0-3.2-oo.
 *
 * Python: `Thread(target=func, args=(i,))`, or a subclass with `self.i` and `run` (whose base's
 * __init__ must have run, or start raises). Here: a function and an argument, which may be a
 * struct. Nothing joins them: the program's end does. */
#include "notes.h"

struct counter {
    int i;
};

static int func(void *i)
{
    printf("%d s  func start:%ld\n", now(), (long)i);
    plait_sleep(in(1));
    printf("%d s  func end:%ld\n", now(), (long)i);
    return 0;
}

static int counter_run(void *self)
{
    const struct counter *counter = self;
    printf("%d s  object start:%d\n", now(), counter->i);
    plait_sleep(in(1));
    printf("%d s  object end:%d\n", now(), counter->i);
    return 0;
}

int main(int argc, char **argv)
{
    static struct counter counters[] = {{0}, {1}};
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    for (long i = 0; i < 2; i++) {
        plait_start(NULL, carrier, func, (void *)i, NULL);
        plait_start(NULL, carrier, counter_run, &counters[i], NULL);
    }
}
