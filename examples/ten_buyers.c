/* Ten buyers, three tickets, one lock: three of them win. For threads or coroutines change one
 * word. */
#include <plait.h>
#include <stdio.h>

static struct {
    plait_lock lock;
    int left;
} * office;

static int buy(void *buyer)
{
    plait_with (&office->lock)
        if (office->left > 0)
            return printf("buyer %d: ticket %d\n", (int)(long)buyer, office->left--), 0;
    return printf("buyer %d: sold out\n", (int)(long)buyer), 0;
}

int main(void)
{
    office = plait_share(sizeof *office); /* zeroed memory that children see too */
    office->left = 3;
    plait_lock_init(&office->lock, PLAIT_SHARED);
    for (long i = 0; i < 10; i++)
        plait_start(NULL, PLAIT_PROCESS, buy, (void *)i, NULL);
    return plait_join_all(PLAIT_NEVER);
}
