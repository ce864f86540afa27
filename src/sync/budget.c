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

static uint32_t budget_clock(void)
{
    return (uint32_t)(wait_now() >> 20);
}

int64_t sync_budget_take(struct sync_budget *budget)
{
    uint16_t failures = atom_load(&budget->failures, RELAXED);
    if (failures < SYNC_FAILURES)
        return SYNC_SPIN_NS >> failures;
    uint32_t now = budget_clock(), again = atom_load(&budget->again, RELAXED);
    if ((int32_t)(now - again) < 0)
        return 0;
    /* One of those who come by at this moment is enough to find out. */
    return atom_cas(&budget->again, &again, now + SYNC_AGAIN, ACQUIRE) ? SYNC_SPIN_NS >> 1 : 0;
}

void sync_budget_won(struct sync_budget *budget)
{
    if (atom_load(&budget->failures, RELAXED))
        atom_store(&budget->failures, 0, RELAXED);
}

void sync_budget_lost(struct sync_budget *budget)
{
    uint16_t failures = atom_load(&budget->failures, RELAXED);
    if (failures < SYNC_FAILURES) {
        atom_store(&budget->failures, (uint16_t)(failures + 1), RELAXED);
        atom_store(&budget->again, budget_clock() + SYNC_AGAIN, RELAXED);
    }
}
