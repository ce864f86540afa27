/* Five philosophers, five forks. If all took the left fork first, all could wait for the right one;
 * a footman lets only four sit down at once, so that one of them finds both. */
#include "book.h"

enum { SEATS = 5, MEALS = 100 };

static plait_semaphore footman;
static plait_lock forks[SEATS];
static int eats[SEATS]; /* each written by one, read by his neighbours while both hold a fork */
static int eating, eaten;

static int dine(void *me)
{
    int seat = (int)(intptr_t)me, left = (seat + SEATS - 1) % SEATS, right = (seat + 1) % SEATS;
    for (int i = 0; i < MEALS; i++) {
        down(&footman);
        plait_with (&forks[seat]) {
            dawdle();
            plait_with (&forks[right]) {
                __atomic_store_n(&eats[seat], 1, __ATOMIC_RELAXED);
                check(!__atomic_load_n(&eats[left], __ATOMIC_RELAXED));
                check(!__atomic_load_n(&eats[right], __ATOMIC_RELAXED));
                check(__atomic_add_fetch(&eating, 1, __ATOMIC_RELAXED) <= SEATS / 2);
                dawdle();
                __atomic_sub_fetch(&eating, 1, __ATOMIC_RELAXED);
                __atomic_store_n(&eats[seat], 0, __ATOMIC_RELAXED);
                __atomic_add_fetch(&eaten, 1, __ATOMIC_RELAXED);
            }
        }
        up(&footman, 1);
    }
    return 0;
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    units(&footman, SEATS - 1);
    start(SEATS, dine);
    return end("dining philosophers") || eaten != SEATS * MEALS;
}
