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
    for (uint32_t done = 0;; done++) {
        while (__atomic_load_n(&common->asked, __ATOMIC_ACQUIRE) == done)
            os_futex_wait(&common->asked, done, true, plait_after(PLAIT_SECOND));
        __atomic_store_n(&common->began, done + 1, __ATOMIC_RELEASE);
        common->rc = noun->use(plait_after(common->waits), &common->got_at);
        __atomic_store_n(&common->answered, done + 1, __ATOMIC_RELEASE);
        os_futex_wake(&common->answered, 1, true);
    }
}

/* NULL: for the noun that it was started for before. */
void waiter_start(const struct kill_noun *for_noun)
{
    static const struct kill_noun *noun;
    noun = for_noun ? for_noun : noun;
    common->asked = common->began = common->answered = 0;
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

/* Asleep at two looks in a row, because it may have slept for a moment on something else. NULL: it
 * does not matter where it is. */
void waiter_ask(const struct kill_noun *noun)
{
    __atomic_store_n(&common->asked, common->asked + 1, __ATOMIC_RELEASE);
    os_futex_wake(&common->asked, 1, true);
    while (__atomic_load_n(&common->began, __ATOMIC_ACQUIRE) != common->asked)
        os_yield();
    for (int asleep = 0; noun && !has_answered() && asleep < 2;) {
        asleep = is_waited_for(noun) ? asleep + 1 : 0;
        os_sleep(50000);
    }
}

bool waiter_has_got(int64_t deadline)
{
    for (uint32_t seen; !has_answered() && plait_now() < deadline;)
        if ((seen = __atomic_load_n(&common->answered, __ATOMIC_ACQUIRE)) != common->asked)
            os_futex_wait(&common->answered, seen, true, deadline);
    return has_answered();
}

void waiter_end(void)
{
    kill(waiter, SIGKILL);
    waitpid(waiter, NULL, 0);
}
