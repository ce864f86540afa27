/* Two hydrogen atoms and one oxygen bond; an atom waits until it can be in a molecule, and all
 * three bond before any of the next does. The turn is taken by the atom that completes a molecule
 * and given back by its oxygen: so it is a semaphore, not a lock. */
#include "book.h"

enum { MOLECULES = 150 };

static plait_semaphore turn, oxygen_may, hydrogen_may;
static plait_barrier bond;
static int oxygen, hydrogen; /* those who wait; the turn's */
static int bonded[2], water; /* atoms of the molecule that is being made: oxygen, hydrogen */

static void make_water(void *unused)
{
    check(bonded[0] == 1 && bonded[1] == 2);
    bonded[0] = bonded[1] = 0;
    water++;
}

/* With the turn. Lets three go, who have the turn from then on, or gives it back. */
static void go_or_wait(void)
{
    if (oxygen < 1 || hydrogen < 2) {
        up(&turn, 1);
        return;
    }
    oxygen--;
    hydrogen -= 2;
    up(&oxygen_may, 1);
    up(&hydrogen_may, 2);
}

static void be_bonded(int kind)
{
    __atomic_add_fetch(&bonded[kind], 1, __ATOMIC_RELAXED);
    dawdle();
    check(plait_barrier_wait(&bond, PLAIT_NEVER) >= 0);
}

static int be_oxygen(void *me)
{
    down(&turn);
    oxygen++;
    go_or_wait();
    down(&oxygen_may);
    be_bonded(0);
    up(&turn, 1);
    return 0;
}

static int be_hydrogen(void *me)
{
    dawdle();
    down(&turn);
    hydrogen++;
    go_or_wait();
    down(&hydrogen_may);
    be_bonded(1);
    return 0;
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    units(&turn, 1);
    check(plait_barrier_init(&bond, 3, PLAIT_PRIVATE) == 0);
    plait_barrier_action(&bond, make_water, NULL);
    for (int i = 0; i < MOLECULES; i += 10) {
        start(10, be_oxygen);
        start(20, be_hydrogen);
    }
    return end("building H2O") || water != MOLECULES;
}
