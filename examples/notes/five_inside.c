/* At most five at a time. Note S0-3.S-semaphore.
 *
 * Python: a Semaphore(5) and 20 threads that hold it for 1 to 5 s: never more than five inside, and
 * all 20 run. (The note ties it to a thread's start and end; in fact it is any acquire and any
 * release. Python's plain semaphore may grow beyond its start value, only the bounded one errs:
 * here the limit is the third argument.) */
#include "notes.h"

static struct room {
    plait_semaphore seats;
    int inside, most, served;
} * room;

static int guest(void *number)
{
    long i = (long)number;
    if (plait_semaphore_acquire(&room->seats, 1, PLAIT_NEVER) != 0)
        return 1;
    int now_inside = __atomic_add_fetch(&room->inside, 1, __ATOMIC_SEQ_CST);
    if (now_inside > __atomic_load_n(&room->most, __ATOMIC_SEQ_CST))
        __atomic_store_n(&room->most, now_inside, __ATOMIC_SEQ_CST);
    printf("guest %ld is inside, %d of 5 seats\n", i, now_inside);
    plait_sleep(in(1 + (double)(i % 5)));
    __atomic_sub_fetch(&room->inside, 1, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&room->served, 1, __ATOMIC_SEQ_CST);
    plait_semaphore_release(&room->seats, 1);
    return 0;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    if ((room = plait_share(sizeof *room)) == NULL)
        return 1;
    plait_semaphore_init(&room->seats, 5, 5, where(carrier));
    for (long i = 0; i < 20; i++)
        plait_start(NULL, carrier, guest, (void *)i, NULL);
    int failed = plait_join_all(PLAIT_NEVER);
    printf("most at once: %d, served: %d, seats free: %d\n", room->most, room->served,
           plait_semaphore_value(&room->seats));
    return failed || room->most != 5 || room->served != 20;
}
