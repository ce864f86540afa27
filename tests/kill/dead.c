/* The one before: a process that is killed half-way, so that the victim finds what it left and is
 * killed while it mends that. Not written by hand, because what a death leaves is the kernel's
 * doing as well. */
#include "kill.h"

#include <stdlib.h>
#include <unistd.h>

/* The victim may be there already, asleep. */
static bool bring(const struct kill_case *first, struct victim *victim, bool (*is_half_done)(void))
{
    victim->pid = victim_start(first);
    victim->tid = 0;
    if (!victim_seize(victim, victim->pid, common->tid))
        return false;
    common->go = 1;
    if (!victim_run_to(victim, (uint64_t)(uintptr_t)first->operate, 1, NULL))
        return false;
    while (__atomic_load_n(&common->stage, __ATOMIC_ACQUIRE) != STAGE_DONE) {
        if (is_half_done && is_half_done())
            return true;
        if (!victim_step(victim, NULL))
            return false;
    }
    return !is_half_done;
}

bool dead_try(void (*prepare)(void), void (*operate)(void), bool (*is_half_done)(void))
{
    const struct kill_case first = {.prepare = prepare, .operate = operate};
    uint32_t stage = common->stage;
    pid_t tid = common->tid;
    struct victim victim;
    bool brought = bring(&first, &victim, is_half_done);
    victim_kill(&victim);
    common->stage = stage;
    common->tid = tid;
    return brought;
}

void dead_leave(void (*prepare)(void), void (*operate)(void), bool (*is_half_done)(void))
{
    if (!dead_try(prepare, operate, is_half_done)) {
        fprintf(stderr, "kill: the one before the victim never was half done; no ptrace here?\n");
        exit(1);
    }
}
