/* A kitchen: guests order, cooks take the most urgent order and read it where it lies, and the
 * evening is over when every order is done. Shows a queue by priority, places, task_done and
 * join. */
#include <plait.h>
#include <stdio.h>

enum { GUESTS = 4, ORDERS = 25, COOKS = 3 };

struct order {
    int guest, number;
    char dish[100];
};

static plait_queue *orders;
static plait_lock lock;
static int cooked[GUESTS];

static int guest(void *arg)
{
    int me = (int)(intptr_t)arg;
    struct order order = {.guest = me};
    for (order.number = 0; order.number < ORDERS; order.number++) {
        snprintf(order.dish, sizeof order.dish, "dish %d of guest %d", order.number, me);
        /* children are served first */
        if (plait_put_priority(orders, &order, me == 0 ? 1 : 2, PLAIT_NEVER) != 0)
            return 1;
    }
    return 0;
}

static int cook(void *arg)
{
    const struct order *order;
    while ((order = plait_queue_take(orders, NULL, PLAIT_NEVER)) != NULL) {
        plait_with (&lock)
            cooked[order->guest]++;
        plait_queue_release(orders, order);
        plait_queue_task_done(orders);
    }
    return 0;
}

int main(void)
{
    plait_carrier carrier = PLAIT_COROUTINE;
    plait_queue_options options = {.name = "orders", .order = PLAIT_PRIORITY};
    orders = plait_queue_open(sizeof(struct order), 10, &options);
    if (!orders)
        return 1;
    for (int i = 0; i < COOKS; i++)
        plait_start(NULL, carrier, cook, NULL, NULL);
    plait_task *guests[GUESTS];
    for (intptr_t i = 0; i < GUESTS; i++)
        if (plait_start(&guests[i], carrier, guest, (void *)i, NULL) != 0)
            return 1;
    int failed = 0, status;
    for (int i = 0; i < GUESTS; i++)
        failed |= plait_join(guests[i], &status, PLAIT_NEVER) || status;
    failed |= plait_queue_join(orders, PLAIT_NEVER);
    for (int i = 0; i < GUESTS; i++)
        printf("guest %d: %d\n", i, cooked[i]);
    plait_queue_close(orders);
    failed |= plait_join_all(PLAIT_NEVER);
    plait_queue_free(orders);
    return failed;
}
