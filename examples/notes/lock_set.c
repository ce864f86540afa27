/* Several locks at once, named in any order. Note S4-DL-order.
 *
 * Python: acquire(*locks) sorts them by id and raises an error when a nested one is out of order.
 * Here plait_locks_acquire: arguments in any order, all or none, also by a deadline; one that the
 * task holds already is an error that takes nothing. */
#include "notes.h"

struct common {
    plait_lock a, b;
    plait_event busy, over;
    int sum;
};
static struct common *common;

static int cross(void *swapped)
{
    plait_lock *both[] = {swapped ? &common->b : &common->a, swapped ? &common->a : &common->b};
    for (int i = 0; i < 2000; i++) {
        if (plait_locks_acquire(both, 2, PLAIT_NEVER) != 0)
            return 1;
        common->sum++;
        plait_locks_release(both, 2);
    }
    return 0;
}

static int keep_b(void *arg)
{
    int rc = 1;
    plait_with (&common->b) {
        plait_event_set(&common->busy);
        rc = plait_event_wait(&common->over, PLAIT_NEVER);
    }
    return rc;
}

static void tell(const char *what, int rc)
{
    int held = plait_lock_is_held(&common->a) + plait_lock_is_held(&common->b);
    printf("%d s  %s: %s, %d held\n", now(), what, code(rc), held);
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    common = plait_share(sizeof *common);
    plait_lock *both[] = {&common->b, &common->a};
    plait_lock_init(&common->a, PLAIT_SHARED);
    plait_lock_init(&common->b, PLAIT_SHARED);
    plait_event_init(&common->busy, PLAIT_SHARED);
    plait_event_init(&common->over, PLAIT_SHARED);

    tell("b and a", plait_locks_acquire(both, 2, PLAIT_NEVER));
    plait_locks_release(both, 2);
    plait_with (&common->a)
        tell("b and a, holding a", plait_locks_acquire(both, 2, PLAIT_NEVER));
    plait_start(NULL, carrier, keep_b, NULL, NULL);
    int rc = plait_event_wait(&common->busy, PLAIT_NEVER);
    tell("b and a within 1 s, another holds b", plait_locks_acquire(both, 2, in(1)));
    plait_event_set(&common->over);
    int failed = plait_join_all(PLAIT_NEVER);

    plait_start(NULL, carrier, cross, NULL, NULL);
    plait_start(NULL, carrier, cross, common, NULL);
    failed += plait_join_all(PLAIT_NEVER);
    printf("crossed %d times\n", common->sum);
    return rc || failed;
}
