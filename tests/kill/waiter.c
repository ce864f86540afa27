/* The survivor: a process that stays over all kills, so that what one of them broke shows at the
 * next. */
#include "kill.h"
#include "os/os.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t waiter;

static void serve(const struct kill_noun *noun)
{
    for (int done = 0;; done++) {
        while (__atomic_load_n(&common->asked, __ATOMIC_ACQUIRE) == done)
            os_sleep(20000);
        common->rc = noun->use(plait_after(2 * PLAIT_SECOND), &common->got_at);
        __atomic_store_n(&common->answered, done + 1, __ATOMIC_RELEASE);
    }
}

void waiter_start(const struct kill_noun *noun)
{
    common->asked = common->answered = 0;
    waiter = fork();
    if (waiter == 0) {
        os_die_with_parent(getppid());
        serve(noun);
    }
}

static bool has_answered(void)
{
    return __atomic_load_n(&common->answered, __ATOMIC_ACQUIRE) == common->asked;
}

static bool is_waited_for(const struct kill_noun *noun)
{
    return (!noun->is_waited_for || noun->is_waited_for(waiter)) && thread_sleeps(waiter, waiter);
}

/* It is given the time to begin, because it sleeps between two jobs as well. */
void waiter_ask(const struct kill_noun *noun)
{
    __atomic_store_n(&common->asked, common->asked + 1, __ATOMIC_RELEASE);
    os_sleep(300000);
    while (!has_answered() && !is_waited_for(noun))
        os_sleep(100000);
}

bool waiter_has_got(int64_t deadline)
{
    while (!has_answered() && plait_now() < deadline)
        os_sleep(50000);
    return has_answered();
}

void waiter_end(void)
{
    kill(waiter, SIGKILL);
    waitpid(waiter, NULL, 0);
}
