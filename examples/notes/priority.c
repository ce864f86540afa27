/* The lowest first. Note S0-3.Q3-prio.
 *
 * Python: PriorityQueue of tuples (number, thing); equal numbers compare the things, which raises
 * TypeError when they cannot be compared; strings are sorted by code point. Here the number is told
 * with the put, equal ones go out as they came in, and things are compared only by a function of
 * yours. */
#include "notes.h"

struct patient {
    char name[8];
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct patient *)a)->name, ((const struct patient *)b)->name);
}

static int arrive(void *queue)
{
    static const struct {
        int64_t urgency;
        struct patient who;
    } patients[] = {{8, {"A"}}, {2, {"B"}}, {10, {"C"}}, {2, {"a"}}, {-1, {"D"}}};
    int rc = 0;
    for (int i = 0; i < 5; i++)
        rc |= plait_put_priority((plait_queue *)queue, &patients[i].who, patients[i].urgency,
                                 PLAIT_NEVER);
    return rc | plait_queue_close((plait_queue *)queue);
}

static int arrive_by_name(void *queue)
{
    static const struct patient patients[] = {{"b"}, {"a"}, {"B"}};
    ssize_t in = plait_put_many((plait_queue *)queue, patients, 3, PLAIT_NEVER);
    return plait_queue_close((plait_queue *)queue) || in != 3;
}

static int serve(plait_carrier carrier, plait_function *arrivals, const char *title,
                 int (*compare)(const void *, const void *))
{
    plait_queue_options options = {.order = PLAIT_PRIORITY, .compare = compare};
    plait_queue *queue = plait_queue_open(sizeof(struct patient), 10, &options);
    struct patient next;
    plait_start(NULL, carrier, arrivals, queue, NULL);
    int failed = plait_join_all(PLAIT_NEVER);
    printf("%s:", title);
    while (plait_get(queue, &next, PLAIT_NEVER) == 0)
        printf(" %s", next.name);
    printf("\n");
    plait_queue_free(queue);
    return failed;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    return serve(carrier, arrive, "by number", NULL) ||
           serve(carrier, arrive_by_name, "by name", compare_names);
}
