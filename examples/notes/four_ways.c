/* One operation, four ways to learn that it is over: wait, ask, be notified, be called. Note
 * S3-0-defs.
 *
 * The note: synchronous, the caller waits; asynchronous, it is told later by a status, a notice or
 * a callback; blocking, the thread is suspended. (A blocked thread does release the CPU; the one
 * that does not is spinning.) */
#include "notes.h"

static int answer(const void *input, void *out)
{
    *(int *)out = 42;
    return plait_sleep(in(1));
}

static void called(plait_future *future, void *event)
{
    printf("%d s  callback\n", now());
    plait_event_set(event);
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    plait_start_options fork_them = {.method = carrier == PLAIT_PROCESS ? PLAIT_FORK : 0};
    plait_pool *pool = plait_pool_open(carrier, 1, &(plait_pool_options){.worker = &fork_them});
    plait_event over = {0};
    int result = 0, polls = 0;
    plait_future *future =
        plait_submit_bytes(pool, answer, NULL, 0, sizeof result, NULL, PLAIT_NEVER);
    plait_future_then(future, called, &over);
    while (plait_result(future, &result, PLAIT_NOW) == -EAGAIN && polls++ < 2)
        plait_sleep(in(0.25));
    printf("polled %d times: not yet\n", polls - 1);
    printf("%d s  notified: case %d\n", now(),
           plait_select(PLAIT_NEVER, plait_on_time(in(9)), plait_on_done(future)));
    int rc = plait_result(future, &result, PLAIT_NEVER);
    printf("%d s  waited: %d, %d\n", now(), rc, result);
    rc |= plait_event_wait(&over, PLAIT_NEVER);
    plait_future_free(future);
    plait_pool_close(pool, PLAIT_NEVER);
    plait_pool_free(pool);
    return rc;
}
