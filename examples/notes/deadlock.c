/* The notes' deadlock, left to happen. Note S0-3.L2-deadlock.
 *
 * Python: func1 takes A, then B; func2 takes B, then A, two seconds later each: two lines, then
 * silence. Here plait names the circle when it has lasted a second, the youngest wait ends with
 * -EDEADLK, and the program goes on. `deadlock thread order` runs the same two one after the other,
 * so that nothing can hang, in checked mode: the reversed order is reported all the same. */
#include "notes.h"

static plait_lock a, b;

static int take_both(const char *name, plait_lock *first, plait_lock *next, const char *names)
{
    int rc = plait_lock_acquire(first, PLAIT_NEVER);
    printf("%s has %c: %s\n", name, names[0], code(rc));
    plait_sleep(in(2));
    rc = plait_lock_acquire(next, PLAIT_NEVER);
    printf("%s, %c: %s\n", name, names[1], code(rc));
    if (rc == 0)
        plait_lock_release(next);
    plait_lock_release(first);
    return 0;
}

static int func1(void *arg)
{
    return take_both("func1", &a, &b, "AB");
}

static int func2(void *arg)
{
    return take_both("func2", &b, &a, "BA");
}

int main(int argc, char **argv)
{
    bool order = argc > 2 && strcmp(argv[2], "order") == 0;
    plait_configure(&(plait_settings){.check = order});
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    plait_name(&a, "A");
    plait_name(&b, "B");
    plait_start(NULL, carrier, func1, NULL, &(plait_start_options){.name = "func1"});
    if (order)
        plait_join_all(PLAIT_NEVER);
    plait_start(NULL, carrier, func2, NULL, &(plait_start_options){.name = "func2"});
    return plait_join_all(PLAIT_NEVER);
}
