/* Results in the order of the submits, whatever order they end in. Notes S0-P2-result, S2-6-pool,
 * S4-P2-pool.
 *
 * Python: apply_async gives handles at once; get() waits for its own task, get(timeout) raises
 * while the task goes on, close() says "no more tasks", join() waits for the workers. Answers to
 * the note's questions: close is needed because a pool cannot know that nobody will submit; get is
 * "wait, and hand me the value". To call it right behind each submit makes the loop serial. */
#include "notes.h"

enum { COUNT = 5 };

static int squared(const void *input, void *out)
{
    int i = *(const int *)input;
    *(int *)out = i * i;
    return plait_sleep(in(i == 0 ? 2 : 1));
}

static const char *state(plait_future *future)
{
    static const char *const names[] = {"pending", "running", "waiting",
                                        "done",    "failed",  "cancelled"};
    return names[plait_future_state(future)];
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_PROCESS);
    plait_start_options fork_them = {.method = carrier == PLAIT_PROCESS ? PLAIT_FORK : 0};
    plait_pool *pool = plait_pool_open(carrier, COUNT, &(plait_pool_options){.worker = &fork_them});
    plait_future *futures[COUNT];
    int result;
    for (int i = 0; i < COUNT; i++)
        futures[i] = plait_submit(pool, squared, &i, sizeof(int), NULL, PLAIT_NEVER);
    printf("%d s  %d handles\n", now(), COUNT);
    printf("get in half a second: %s\n", code(plait_result(futures[0], &result, in(0.5))));
    printf("and it is %s\n", state(futures[0]));
    for (int i = 0; i < COUNT; i++) {
        if (plait_result(futures[i], &result, PLAIT_NEVER) == 0)
            printf("%d s  %d --> %d, %s\n", now(), i, result, state(futures[i]));
        plait_future_free(futures[i]);
    }
    int dropped = plait_pool_close(pool, PLAIT_NEVER);
    plait_pool_free(pool);
    return dropped;
}
