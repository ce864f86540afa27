/* plait_select: one of several, exactly one, nothing lost; each kind of case; bad input. */
#include "crew.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static plait_queue *queue_of(size_t capacity)
{
    plait_queue *queue = plait_queue_open(sizeof(int), capacity, NULL);
    ck_assert_ptr_nonnull(queue);
    return queue;
}


/* ---- alone */

TEST(the_one_that_is_ready_is_done)
{
    plait_queue *a = queue_of(2), *b = queue_of(2);
    int item = 7, got = 0;
    ck_assert_int_eq(plait_put(b, &item, PLAIT_NOW), 0);
    plait_case cases[] = {plait_on_get(a, &got), plait_on_get(b, &got)};
    ck_assert_int_eq(plait_select_cases(cases, 2, PLAIT_NEVER), 1);
    ck_assert_int_eq(got, 7);
    ck_assert_int_eq(cases[0].result, -EAGAIN);
    ck_assert_int_eq(cases[1].result, sizeof(int));
    ck_assert_int_eq(plait_select_cases(cases, 2, PLAIT_NOW), -EAGAIN);
    ck_assert_int_eq(plait_select_cases(cases, 2, plait_now() - 1), -ETIMEDOUT);
    int64_t end = plait_after(3 * PLAIT_MILLISECOND);
    ck_assert_int_eq(plait_select_cases(cases, 2, end), -ETIMEDOUT);
    ck_assert_int_ge(plait_now(), end);
    plait_queue_free(a);
    plait_queue_free(b);
}
