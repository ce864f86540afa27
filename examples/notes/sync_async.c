/* Submit and wait, submit and go on. Notes S0-2.1-sync and S0-2.2-async.
 *
 * Python: `f(x)` or start and join at once; `Process(target=f).start()` and a join when the
 * result is needed. Here the same two calls; the status that join gives is the result, the whole
 * int on every carrier. */
#include "notes.h"

static int square(void *number)
{
    int n = (int)(long)number;
    plait_sleep(in(1));
    printf("%d s  computed the square of %d\n", now(), n);
    return n * n;
}

static int call(plait_carrier carrier, long n)
{
    plait_task *task;
    int result = 0;
    plait_start(&task, carrier, square, (void *)n, NULL);
    plait_join(task, &result, PLAIT_NEVER);
    return result;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_PROCESS);
    plait_task *task;
    int result = call(carrier, 3);
    printf("%d s  called: %d\n", now(), result);

    plait_start(&task, carrier, square, (void *)4L, NULL);
    printf("%d s  submitted, and main goes on\n", now());
    plait_join(task, &result, PLAIT_NEVER);
    printf("%d s  result: %d\n", now(), result);
}
