/* A program whose libraries have used up the keys for what is a thread's own: plait does without
 * where it can, and says so where it cannot. */
#include "crew.h"
#include "harness.h"

#include <pthread.h>
#include <stdlib.h>

enum { JOBS = 500 };

/* A value that nobody of these libraries has set. */
static void is_not_ours(void *value)
{
    abort();
}

/* Before plait has met any task. */
__attribute__((constructor(101))) static void use_up(void)
{
    pthread_key_t key = 0; /* which is what is there where a create has failed */
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__ /* else it is theirs */
    pthread_key_delete(key);
#endif
    while (pthread_key_create(&key, is_not_ours) == 0)
        ;
}

static int doubles(const void *in, void *out)
{
    *(int *)out = *(const int *)in * 2;
    return 0;
}

static int submits(void *arg)
{
    plait_pool *pool = plait_pool_open(*(const plait_carrier *)arg, 2, NULL);
    plait_future *futures[JOBS];
    int result;
    for (int i = 0; i < JOBS; i++) {
        futures[i] = plait_submit_bytes(pool, doubles, &i, sizeof i, sizeof i, NULL, PLAIT_NEVER);
        need(futures[i] != NULL);
    }
    for (int i = 0; i < JOBS; i++) {
        need(plait_result_bytes(futures[i], &result, sizeof result, PLAIT_NEVER) == sizeof result);
        need(result == 2 * i);
        plait_future_free(futures[i]);
    }
    need(plait_pool_close(pool, PLAIT_NEVER) == 0);
    plait_pool_free(pool);
    return 0;
}

/* By a thread that ends, since that is when the keys' values are destroyed. */
TEST_CARRIERS(jobs_are_done_all_the_same)
{
    plait_task *task;
    int status;
    ck_assert_int_eq(plait_start(&task, PLAIT_THREAD, submits, &carrier, NULL), 0);
    ck_assert_int_eq(plait_join(task, &status, PLAIT_NEVER), 0);
    ck_assert_int_eq(status, 0);
}

static void *calls(void *arg)
{
    plait_self();
    return NULL;
}

static void plain_thread_calls(void *arg)
{
    pthread_t thread;
    need(pthread_create(&thread, NULL, calls, NULL) == 0);
    pthread_join(thread, NULL);
}

TEST(a_plain_thread_is_refused_and_told_why)
{
    harness_dies(plain_thread_calls, NULL, "no thread key");
}
