/* A dictionary for many processes, without a manager. Note S0-2.7-manager.
 *
 * Python: 100 processes count Manager().dict({"count": 100}) down under a Lock, {'count': 0}; each
 * step asks a server process, some 60 us, "not recommended". Here the dictionary lies in shared
 * memory, and the addition is one step: no lock, no server, nothing lost. */
#include "notes.h"

static plait_dict *shared;

static int decrement(void *arg)
{
    return plait_dict_add(shared, "count", -1, NULL);
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_PROCESS);
    shared = plait_dict_open(sizeof(long), &(plait_dict_options){.where = PLAIT_SHARED});
    long count = 100;
    if (shared == NULL || plait_dict_set(shared, "count", &count) != 0)
        return 1;
    for (int i = 0; i < 100; i++)
        plait_start(NULL, carrier, decrement, NULL, NULL);
    int failed = plait_join_all(PLAIT_NEVER);
    if (plait_dict_get(shared, "count", &count) == 0)
        printf("count: %ld\n", count);
    plait_dict_free(shared);
    return failed;
}
