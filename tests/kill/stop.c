/* SIGSTOP in place of SIGKILL: a stopped process is not dead, and what it holds may have to be
 * waited for. Not longer than to the deadline: somebody else's use must be back by then, with the
 * object or without. Calls without a deadline must be back when the stopped one goes on. */
#include "kill.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

/* How much later than its deadline a use may be back on a busy machine: one that does not hold to
 * it is later than that, too. */
#define SLACK (3 * PLAIT_SECOND)
/* Without a deadline it is only a count whether it waited: too short makes it too large. */
#define SLACK_ENDLESS (20 * PLAIT_MILLISECOND)

/* With all its threads: the one that is traced must leave its tracer to take part. */
static void stop(const struct victim *victim)
{
    int status;
    kill(victim->pid, SIGSTOP);
    ptrace(PTRACE_DETACH, victim->tid, NULL, NULL);
    waitpid(victim->pid, &status, WUNTRACED | __WALL);
}

/* A waiter that was there before the victim stopped has its deadline, too. */
int point_stop(struct victim *victim, void (*go_on)(void), bool *waited)
{
    stop(victim);
    victim->tid = 0;
    if (waiter_has_got(0))
        waiter_ask(NULL);
    if (waiter_has_got(plait_after(common->waits + (go_on ? SLACK_ENDLESS : SLACK))))
        return common->rc;
    if (!go_on)
        return -ETIME;
    *waited = true;
    kill(victim->pid, SIGCONT);
    go_on();
    return waiter_has_got(plait_after(common->waits + SLACK)) ? common->rc : -ETIME;
}
