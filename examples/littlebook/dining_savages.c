/* Savages eat from one pot. Who finds it empty wakes the cook and waits for a full one, and holds
 * the pot meanwhile, so that nobody else wakes the cook a second time. */
#include "book.h"

enum { SAVAGES = 6, MEALS = 50, POT = 7, ALL = SAVAGES * MEALS };

static plait_lock pot;
static plait_semaphore empty, full;
static int servings, eaten, fills; /* of who has the pot, or of the cook while he waits */

static int eat(void *me)
{
    for (int i = 0; i < MEALS; i++) {
        plait_with (&pot) {
            if (servings == 0) {
                up(&empty, 1);
                down(&full);
                check(servings == POT);
            }
            check(servings > 0);
            servings--;
            if (++eaten == ALL)
                up(&empty, 1); /* the cook may go */
        }
        dawdle();
    }
    return 0;
}

static int cook(void *me)
{
    for (;;) {
        down(&empty);
        if (eaten == ALL)
            return 0;
        check(servings == 0);
        servings = POT;
        fills++;
        up(&full, 1);
    }
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    start(1, cook);
    start(SAVAGES, eat);
    return end("dining savages") || fills != (ALL + POT - 1) / POT;
}
