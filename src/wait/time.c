/* Time as tasks see it: the monotonic clock, or the virtual one of deterministic mode, which only
 * the scheduler moves. */
#include "base/report.h"
#include "os/os.h"
#include "wait/wait.h"

#include <plait/time.h>

#include <errno.h>

int64_t wait_epoch, wait_virtual_now;
bool wait_deterministic, wait_checked, wait_pointed, wait_odd;

static void no_switch(void)
{
}

void (*wait_switch)(void) = no_switch;

__attribute__((constructor(101))) static void wait_begin(void)
{
    wait_epoch = os_now();
}

void wait_set_modes(bool deterministic, bool checked)
{
    if (wait_deterministic != deterministic) /* read by all without order, so not written anew */
        wait_deterministic = deterministic;
    atom_store(&wait_checked, checked, RELAXED);
    wait_ask(false);
}

void wait_ask(bool asked)
{
    bool pointed = asked || wait_deterministic;
    atom_store(&wait_pointed, pointed, RELAXED);
    atom_store(&wait_odd, pointed || atom_load(&wait_checked, RELAXED), RELAXED);
}

int64_t wait_now(void)
{
    return unlikely(wait_virtual_now != 0) ? wait_virtual_now : os_now();
}

int64_t wait_now_coarse(void)
{
    return unlikely(wait_virtual_now != 0) ? wait_virtual_now : os_now_coarse();
}

uint32_t wait_random(struct wait_self *self)
{
    uint32_t x = self->random; /* xorshift32, Marsaglia 2003 */
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return self->random = x;
}

void wait_bad_deadline(int64_t deadline, void *place)
{
    base_misuse(NULL, "deadline", place,
                "%ld ns lies before the program's start: a duration where a deadline belongs; "
                "write plait_after(...)",
                (long)deadline);
}

/* The first call of a program decides which clock it is: a time of the real one would be no time
 * for the virtual one. */
int64_t plait_now(void)
{
    wait_me();
    return wait_now();
}

int64_t plait_after(int64_t duration)
{
    int64_t now = plait_now(), sum;
    if (__builtin_add_overflow(now, duration, &sum))
        return duration > 0 ? WAIT_NEVER : wait_epoch;
    return sum < wait_epoch ? wait_epoch : sum;
}
