/* Producers and consumers with room for five: one semaphore counts the items, another the places
 * that are free, so that whoever has passed his semaphore finds what he needs under the lock. */
#include "book.h"

enum { PRODUCERS = 3, CONSUMERS = 2, EACH = 200, ROOM = 5, ALL = PRODUCERS * EACH };

static plait_semaphore items, places;
static plait_lock lock;
static int shelf[ROOM], first, count; /* the lock's */
static int next_of[PRODUCERS], taken; /* the lock's too */

static int produce(void *me)
{
    for (int i = 0; i < EACH; i++) {
        down(&places);
        plait_with (&lock) {
            check(count < ROOM);
            shelf[(first + count++) % ROOM] = (int)(intptr_t)me * EACH + i;
        }
        up(&items, 1);
        dawdle();
    }
    return 0;
}

static int consume(void *me)
{
    for (int i = 0; i < ALL / CONSUMERS; i++) {
        down(&items);
        plait_with (&lock) {
            check(count > 0);
            int item = shelf[first], maker = item / EACH;
            check(item % EACH == next_of[maker]++); /* each item once, each maker's in order */
            first = (first + 1) % ROOM;
            count--;
            taken++;
        }
        up(&places, 1);
        dawdle();
    }
    return 0;
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    units(&places, ROOM);
    start(PRODUCERS, produce);
    start(CONSUMERS, consume);
    int rc = end("producers and consumers");
    return rc || taken != ALL || count != 0;
}
