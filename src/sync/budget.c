#include "sync/budget.h"
#include "os/os.h"

bool sync_may_spin(void)
{
    static int cpus; /* racing threads find the same number */
    int n = atom_load(&cpus, RELAXED);
    if (n == 0)
        atom_store(&cpus, n = os_cpus_allowed(), RELAXED);
    return n > 1 && !wait_deterministic;
}

int sync_budget_take(const struct sync_budget *budget)
{
    uint32_t failures = atom_load(&budget->failures, RELAXED);
    return failures < SYNC_FAILURES ? (int)failures : -1;
}

void sync_budget_learn(struct sync_budget *budget, int64_t slept)
{
    uint32_t failures = atom_load(&budget->failures, RELAXED);
    uint32_t next = slept < SYNC_SHORT ? 0 : failures + (failures < SYNC_FAILURES);
    if (next != failures)
        atom_store(&budget->failures, next, RELAXED);
}
