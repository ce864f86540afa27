/* plait_sleep: a wait for no word. */
#include "wait/wait.h"

#include <plait/time.h>

#include <errno.h>

/* No word: only the deadline or a cancel ends it. */
int plait_sleep(int64_t deadline)
{
    static const struct wait_call sleeping = {.verb = "sleep", .type = "time"};
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    struct wait_self *self = wait_me();
    int rc;
    wait_note_begin(self, &sleeping, NULL, __builtin_return_address(0));
    do
        rc = wait_park(NULL, 0, deadline);
    while (rc == -EAGAIN);
    wait_note_end(self);
    return rc == -ETIMEDOUT ? 0 : rc;
}
