/* plait_sleep and tickers: waits for no word. */
#include "wait/wait.h"

#include <plait/time.h>

#include <errno.h>
#include <limits.h>

/* No word: only the deadline or a cancel ends it. -ETIMEDOUT: the deadline of a scope came
 * first. */
static int sleep_until(const struct wait_call *call, int64_t deadline, void *place)
{
    struct wait_self *self = wait_me();
    int rc;
    wait_note_begin(self, call, NULL, place);
    do
        rc = wait_park(NULL, 0, deadline);
    while (rc == -EAGAIN);
    wait_note_end(self);
    return rc == -ETIMEDOUT && deadline <= self->limit ? 0 : rc;
}

int plait_sleep(int64_t deadline)
{
    static const struct wait_call call = {.verb = "sleep", .type = "time"};
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    return sleep_until(&call, deadline, __builtin_return_address(0));
}

/* Which tick it is time for: how many were missed before it, or -EAGAIN: it is not time yet. By
 * unsigned arithmetic, because `next` is the user's and may be anything. */
static int tick(plait_ticker *ticker)
{
    int64_t now = wait_now();
    if (now < ticker->next)
        return -EAGAIN;
    uint64_t missed = ((uint64_t)now - (uint64_t)ticker->next) / (uint64_t)ticker->period;
    int64_t last = (int64_t)((uint64_t)ticker->next + missed * (uint64_t)ticker->period);
    if (__builtin_add_overflow(last, ticker->period, &ticker->next))
        ticker->next = WAIT_NEVER;
    return missed > INT_MAX ? INT_MAX : (int)missed;
}

int plait_ticker_wait(plait_ticker *ticker, int64_t deadline)
{
    static const struct wait_call call = {.verb = "wait", .type = "ticker"};
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    if (!ticker || ticker->period <= 0)
        return -EINVAL;
    if (!ticker->next)
        ticker->next = plait_after(ticker->period);
    int missed;
    while ((missed = tick(ticker)) < 0) {
        bool first = ticker->next <= deadline;
        if (deadline == PLAIT_NOW)
            return wait_not_now();
        int rc = sleep_until(&call, first ? ticker->next : deadline, __builtin_return_address(0));
        if (rc < 0)
            return rc;
        if (!first)
            return -ETIMEDOUT;
    }
    return missed;
}
