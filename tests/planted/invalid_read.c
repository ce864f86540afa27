/* A thousand coroutines come and go on reused stacks, some of them parked meanwhile; one reads
 * memory that was freed. */
#include "planted.h"

enum { TASKS = 1000 };

static bool fault;
static volatile int seen;
static plait_event go;

static PLANTED_FRAME int read_freed(void)
{
    volatile int *number = calloc(1, sizeof *number);
    if (fault)
        free((void *)number);
    seen = *number; /* kept, because Valgrind drops a load whose result nobody uses */
    if (!fault)
        free((void *)number);
    return 0;
}

static PLANTED_FRAME int sleep_and_read(void *unused)
{
    must(plait_sleep(plait_after(PLAIT_MILLISECOND)));
    return read_freed();
}

static int come_and_go(void *number)
{
    char line[64];
    if ((intptr_t)number < TASKS / 2)
        must(plait_event_wait(&go, PLAIT_NEVER));
    plait_yield();
    return snprintf(line, sizeof line, "%d", (int)(intptr_t)number) < 1;
}

int main(int count, char **words)
{
    fault = planted(count, words);
    for (intptr_t i = 0; i < TASKS; i++)
        must(plait_start(NULL, PLAIT_COROUTINE, come_and_go, (void *)i, NULL));
    must(plait_start(NULL, PLAIT_COROUTINE, sleep_and_read, NULL, NULL));
    plait_event_set(&go);
    return plait_join_all(PLAIT_NEVER);
}
