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

int lock_and_look(int64_t deadline, int64_t *got_at)
{
    int rc = plait_lock_acquire(&common->lock, deadline);
    *got_at = plait_now();
    if (rc == 0 && common->first != common->second)
        rc = -EILSEQ; /* somebody died inside, and it was not told */
    if (rc == -EOWNERDEAD) {
        common->first = common->second;
        plait_lock_mend(&common->lock);
    }
    if (rc == 0 || rc == -EOWNERDEAD || rc == -EILSEQ)
        plait_lock_release(&common->lock);
    return rc;
}

static void serve(void)
{
    for (int done = 0;; done++) {
        while (__atomic_load_n(&common->asked, __ATOMIC_ACQUIRE) == done)
            os_sleep(20000);
        common->rc = lock_and_look(plait_after(2 * PLAIT_SECOND), &common->got_at);
        __atomic_store_n(&common->answered, done + 1, __ATOMIC_RELEASE);
    }
}

void waiter_start(void)
{
    common->asked = common->answered = 0;
    waiter = fork();
    if (waiter == 0) {
        os_die_with_parent(getppid());
        serve();
    }
}

static bool has_answered(void)
{
    return __atomic_load_n(&common->answered, __ATOMIC_ACQUIRE) == common->asked;
}

static bool is_waited_for(void)
{
    uint32_t word = __atomic_load_n(&lock_word()->word, __ATOMIC_ACQUIRE);
    return word & ROBUST_WAITERS && thread_sleeps(waiter, waiter);
}

void waiter_ask(void)
{
    __atomic_store_n(&common->asked, common->asked + 1, __ATOMIC_RELEASE);
    os_sleep(300000);
    while (!has_answered() && !is_waited_for())
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
