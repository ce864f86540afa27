/* A generator that is sent values. Note S4-G1-send.
 *
 * Python: `y = yield x` in a function, next(gen), gen.send(2); the end is StopIteration, whose
 * value is what the function returned, and a first send of anything but None is a TypeError. Here
 * the end is -EPIPE, the value plait_generator_returned, and that send -EINVAL. */
#include "notes.h"

static int test(void *n)
{
    for (int x = 0, y; x < *(int *)n; x += y) {
        int rc = plait_yield_value(&x, &y);
        if (rc < 0)
            return rc; /* closed */
        y = rc ? y : 1;
    }
    return 0;
}

static void show(const char *what, int rc, int x)
{
    if (rc == 0)
        printf("%s: %d\n", what, x);
    else
        printf("%s: %s\n", what, code(rc));
}

static int use(void *arg)
{
    int n = 5, two = 2, x = 0, status = -1, rc;
    plait_generator *gen = plait_generator_open(sizeof x, test, &n, NULL);
    rc = plait_generator_send(gen, &two, &x);
    show("send(2) before it began", rc, x);
    rc = plait_generator_next(gen, &x);
    show("next", rc, x);
    rc = plait_generator_send(gen, &two, &x);
    show("send(2)", rc, x);
    for (int i = 0; i < 3; i++) {
        rc = plait_generator_next(gen, &x);
        show("next", rc, x);
    }
    rc = plait_generator_returned(gen, &status);
    show("returned", rc, status);
    plait_generator_free(gen);

    gen = plait_generator_open(sizeof x, test, &n, NULL);
    rc = plait_generator_send(gen, NULL, &x);
    show("send(None)", rc, x);
    show("close", plait_generator_close(gen), 0);
    rc = plait_generator_next(gen, &x);
    show("next", rc, x);
    plait_generator_free(gen);
    return 0;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_COROUTINE);
    plait_start(NULL, carrier, use, NULL, NULL);
    return plait_join_all(PLAIT_NEVER);
}
