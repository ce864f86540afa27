/* Two cooks, one eater, an end. Note S0-2.6.2-prodcons.
 *
 * Python: two processes put ten dishes each into a Queue, a third takes them in a loop `if food`;
 * the parent joins the cooks and puts None. That stops one eater, with two the other would wait for
 * ever, and a dish that counts as false stops him too early. Here main closes the queue: who eats
 * takes what is left, then gets -EPIPE, however many they are; and dish 0 is a dish. */
#include "notes.h"

struct dish {
    const char *food;
    int number;
};

static plait_queue *table;

static int cook(void *food)
{
    for (int i = 0; i < 10; i++) {
        struct dish dish = {food, i};
        printf("+ %s %d\n", dish.food, i);
        plait_sleep(in((i * 7 + (long)strlen(food)) % 10 * 0.1)); /* 0 to 0.9 s */
        if (plait_put(table, &dish, PLAIT_NEVER) < 0)
            return 1;
    }
    return 0;
}

static int eat(void *unused)
{
    struct dish dish;
    int rc, eaten = 0;
    while ((rc = plait_get(table, &dish, PLAIT_NEVER)) == 0) {
        printf("- %s %d\n", dish.food, dish.number);
        eaten++;
    }
    printf("eaten %d, then %s\n", eaten, code(rc));
    return 0;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    plait_task *cooks[2], *eater;
    table =
        plait_queue_open(sizeof(struct dish), 20, &(plait_queue_options){.where = where(carrier)});
    plait_start(&cooks[0], carrier, cook, "dumpling", NULL);
    plait_start(&cooks[1], carrier, cook, "bun", NULL);
    plait_start(&eater, carrier, eat, NULL, NULL);
    plait_join(cooks[0], NULL, PLAIT_NEVER);
    plait_join(cooks[1], NULL, PLAIT_NEVER);
    plait_queue_close(table);
    int rc = plait_join(eater, NULL, PLAIT_NEVER);
    plait_queue_free(table);
    return rc;
}
