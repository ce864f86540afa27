/* Ten buyers, three tickets, a slow sale. Notes S0-2.5.2-mutex, S0-2.5.2-acqrel.
 *
 * Python: all ten see three tickets, three of them buy, seven fail; `with lock` releases even if
 * the body fails, and acquire and release do the same by hand. Here every other buyer goes the
 * one way; buyer 9's body fails, and nobody hangs. */
#include "notes.h"
#include <stdatomic.h>

struct office {
    plait_lock lock;
    atomic_int left; /* atomic, since buyers look without the lock */
};
static struct office *office;

static int sell(long buyer)
{
    if (buyer == 9)
        return 1;
    int left = office->left;
    if (left > 0) {
        plait_sleep(in(1)); /* the network is slow; without the lock all ten would buy */
        office->left = left - 1;
    }
    return printf("%d s  buyer %ld: %s\n", now(), buyer, left > 0 ? "bought" : "sold out"), 0;
}

static int buy(void *arg)
{
    long buyer = (long)arg;
    printf("%d s  buyer %ld sees %d\n", now(), buyer, office->left);
    if (buyer % 2)
        plait_with (&office->lock)
            return sell(buyer);
    int rc = plait_lock_acquire(&office->lock, PLAIT_NEVER);
    if (rc < 0)
        return rc;
    rc = sell(buyer);
    plait_lock_release(&office->lock);
    return rc;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_PROCESS);
    office = plait_share(sizeof *office);
    plait_lock_init(&office->lock, PLAIT_SHARED);
    office->left = 3;
    for (long i = 0; i < 10; i++)
        plait_start(NULL, carrier, buy, (void *)i, NULL);
    int failed = plait_join_all(PLAIT_NEVER);
    printf("%d s  %d left, %d failed\n", now(), office->left, failed);
}
