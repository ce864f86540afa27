/* A barber, one chair for the cut, four in the shop at most. Who finds it full goes away; the
 * others wait for the barber, and the two meet twice: before the cut and after it. Without the
 * second meeting the barber could begin with the next while one still sits. */
#include "book.h"

enum { CUSTOMERS = 10, VISITS = 30, SHOP = 4 };

static plait_lock door;
static plait_semaphore customer, barber, customer_done, barber_done;
static int inside, balked, visits; /* the door's */
static int in_chair, cuts, had_cut;

static int visit(void *me)
{
    for (int i = 0; i < VISITS; i++) {
        bool full = false, last = false;
        plait_with (&door) {
            full = inside == SHOP;
            inside += !full;
            balked += full;
            check(inside <= SHOP);
        }
        if (!full) {
            up(&customer, 1);
            down(&barber);
            check(__atomic_add_fetch(&in_chair, 1, __ATOMIC_RELAXED) == 1);
            dawdle();
            __atomic_add_fetch(&had_cut, 1, __ATOMIC_RELAXED);
            __atomic_sub_fetch(&in_chair, 1, __ATOMIC_RELAXED);
            up(&customer_done, 1);
            down(&barber_done);
        }
        plait_with (&door) {
            inside -= !full;
            last = ++visits == CUSTOMERS * VISITS;
        }
        if (last)
            up(&customer, 1); /* closing time: nobody is inside */
        dawdle();
    }
    return 0;
}

static int cut(void *me)
{
    for (;;) {
        down(&customer);
        bool over = false;
        plait_with (&door)
            over = visits == CUSTOMERS * VISITS;
        if (over)
            return 0;
        up(&barber, 1);
        cuts++;
        down(&customer_done);
        check(__atomic_load_n(&had_cut, __ATOMIC_RELAXED) == cuts);
        up(&barber_done, 1);
    }
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    start(1, cut);
    start(CUSTOMERS, visit);
    return end("barbershop") || cuts + balked != CUSTOMERS * VISITS || inside != 0;
}
