/* One lock in an object, and each of its methods inside it. Note S4-TL-classlock.
 *
 * Python: `self.lock = threading.Lock()` in __init__, and `with self.lock:` around the body of each
 * method (the note writes threading.lock(), which is no name). Here the lock is a field, and a
 * zeroed one is free; in memory from plait_share it serves processes, too. */
#include "notes.h"

struct account {
    plait_lock lock;
    int coins, notes; /* always as many of the one as of the other outside of the lock */
};

static void task1(struct account *self)
{
    plait_with (&self->lock) {
        self->coins++;
        plait_yield(); /* others run here, but not inside */
        self->notes++;
    }
}

static int task2(struct account *self)
{
    plait_with (&self->lock)
        return self->coins - self->notes;
    return -1;
}

static int use(void *arg)
{
    int wrong = 0;
    for (int i = 0; i < 100; i++) {
        task1(arg);
        wrong += task2(arg) != 0;
    }
    return wrong;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    struct account *one = plait_share(sizeof *one);
    plait_lock_init(&one->lock, PLAIT_SHARED);
    for (int i = 0; i < 4; i++)
        plait_start(NULL, carrier, use, one, NULL);
    int failed = plait_join_all(PLAIT_NEVER);
    printf("%d coins, %d notes, %d failed\n", one->coins, one->notes, failed);
}
