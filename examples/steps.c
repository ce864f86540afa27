/* A rod is heated at one end; three tasks follow the heat step by step, each in its part. A barrier
 * keeps them in step, its action swaps the two copies of the rod between two steps; the rod is made
 * once, by whoever comes first; a latch tells main that all parts are done. For threads or
 * coroutines change one word. */
#include <plait.h>
#include <stdio.h>

enum { PARTS = 3, PART = 4, CELLS = PARTS * PART, STEPS = 400 };

static plait_once made;
static plait_barrier step;
static plait_latch parts_left;
static long rods[2][CELLS + 2], *now, *next;
static int swaps;

static int make_rod(void *unused)
{
    now = rods[0];
    next = rods[1];
    now[0] = next[0] = 1300; /* degrees at the hot end; the other one is kept at 0 */
    puts("the rod is made");
    return 0;
}

static void swap(void *unused)
{
    long *then = now;
    now = next;
    next = then;
    swaps++;
}

static int follow(void *part)
{
    int rc = plait_once_run(&made, make_rod, NULL, PLAIT_NEVER);
    int first = 1 + (int)(long)part * PART;
    for (int i = 0; i < STEPS && rc >= 0; i++) {
        for (int cell = first; cell < first + PART; cell++)
            next[cell] = (now[cell - 1] + now[cell + 1] + 1) / 2;
        rc = plait_barrier_wait(&step, PLAIT_NEVER);
    }
    plait_latch_add(&parts_left, -1);
    return rc < 0 ? rc : 0;
}

int main(void)
{
    plait_latch_init(&parts_left, PARTS, PLAIT_PRIVATE);
    plait_barrier_init(&step, PARTS, PLAIT_PRIVATE);
    plait_barrier_action(&step, swap, NULL);
    for (long part = 0; part < PARTS; part++)
        plait_start(NULL, PLAIT_THREAD, follow, (void *)part, NULL);
    if (plait_latch_wait(&parts_left, PLAIT_NEVER) == 0)
        for (int cell = 1; cell <= CELLS; cell++)
            printf("cell %d: %ld\n", cell, now[cell]);
    printf("%d steps\n", swaps);
    return plait_join_all(PLAIT_NEVER);
}
