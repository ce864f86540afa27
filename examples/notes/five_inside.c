/* At most five at a time. Note S0-3.S-semaphore.
 *
 * Python: a Semaphore(5) and 20 threads that hold it for 1 to 5 s: never more than five inside, and all 20 run. (The note ties it to
 * a thread's start and end; in fact it is any acquire and any release. Python's plain semaphore may grow beyond its start value, only
 * the bounded one errs: here the limit is the third argument.) */
#include "notes.h"

static plait_semaphore seats;
static int inside, most, served;

static int guest(void *number)
{
    long i = (long)number;
    if (plait_semaphore_acquire(&seats, 1, PLAIT_NEVER) != 0)
        return 1;
    int now_inside = __atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST);
    if (now_inside > __atomic_load_n(&most, __ATOMIC_SEQ_CST))
        __atomic_store_n(&most, now_inside, __ATOMIC_SEQ_CST);
    printf("guest %ld is inside, %d of 5 seats\n", i, now_inside);
    plait_sleep(in(1 + (double)(i % 5)));
    __atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&served, 1, __ATOMIC_SEQ_CST);
    plait_semaphore_release(&seats, 1);
    return 0;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    plait_semaphore_init(&seats, 5, 5, PLAIT_PRIVATE);
    for (long i = 0; i < 20; i++)
        plait_start(NULL, carrier, guest, (void *)i, NULL);
    int failed = plait_join_all(PLAIT_NEVER);
    printf("most at once: %d, served: %d, seats free: %d\n", most, served,
           plait_semaphore_value(&seats));
    return failed || most != 5 || served != 20;
}
