/* Santa sleeps until all nine reindeer are back, or three elves have questions. The reindeer come
 * first. Three elves go in together, and a gate keeps the others out until the last of the three
 * has left: it is a semaphore, since not the one who closed it opens it. */
#include "book.h"

enum { REINDEER = 9, YEARS = 20, ELVES = 10, GROUP = 3, GROUPS = 100 };

static plait_lock lock;
static plait_semaphore santa, sleigh, gate, answers;
static plait_barrier stable;
static int reindeer, elves; /* the lock's */
static int harnessed, sleighs, groups, asked, answered;

static int be_santa(void *me)
{
    while (sleighs < YEARS || groups < GROUPS) {
        down(&santa);
        plait_with (&lock) {
            check(reindeer == REINDEER || elves == GROUP);
            if (reindeer == REINDEER) {
                reindeer = 0;
                sleighs++;
                up(&sleigh, REINDEER);
            } else {
                groups++;
                up(&answers, GROUP);
            }
        }
    }
    return 0;
}

/* All nine are harnessed, and none is on holiday again: the barrier's last one looks. */
static void fly(void *unused)
{
    check(harnessed == REINDEER);
    harnessed = 0;
}

static int be_reindeer(void *me)
{
    for (int i = 0; i < YEARS; i++) {
        dawdle();
        plait_with (&lock)
            if (++reindeer == REINDEER)
                up(&santa, 1);
        down(&sleigh);
        check(__atomic_add_fetch(&harnessed, 1, __ATOMIC_RELAXED) <= REINDEER);
        check(plait_barrier_wait(&stable, PLAIT_NEVER) >= 0);
    }
    return 0;
}

static int be_elf(void *me)
{
    while (draw(&asked, GROUPS * GROUP)) {
        dawdle();
        down(&gate);
        plait_with (&lock) {
            check(++elves <= GROUP);
            if (elves == GROUP)
                up(&santa, 1);
            else
                up(&gate, 1);
        }
        down(&answers);
        __atomic_add_fetch(&answered, 1, __ATOMIC_RELAXED);
        plait_with (&lock)
            if (--elves == 0)
                up(&gate, 1);
    }
    return 0;
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    units(&gate, 1);
    check(plait_barrier_init(&stable, REINDEER, PLAIT_PRIVATE) == 0);
    plait_barrier_action(&stable, fly, NULL);
    start(1, be_santa);
    start(REINDEER, be_reindeer);
    start(ELVES, be_elf);
    return end("Santa Claus") || answered != GROUPS * GROUP;
}
