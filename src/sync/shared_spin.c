#include "sync/shared_spin.h"
#include "os/os.h"
#include "sync/budget.h"

enum { BUDGETS = 256, SPIN_NS = 20000, PAUSES = 8, YIELDS = 4 };

static struct sync_budget *budget_of(const void *object)
{
    static struct sync_budget budgets[BUDGETS];
    return &budgets[((uintptr_t)object >> 6) % BUDGETS];
}

static bool spin_by_pauses(int64_t end, bool (*look)(void *call), void *call)
{
    for (int pause = 1; os_now() < end; pause += pause < PAUSES ? pause : 0) {
        for (int i = 0; i < pause; i++)
            os_relax();
        if (look(call))
            return true;
    }
    return false;
}

/* To whoever wants this processor, most likely who is to bring it: a switch costs a fifth of what a
 * sleep and a wake do. */
static bool spin_by_yields(int yields, bool (*look)(void *call), void *call)
{
    for (int i = 0; i < yields; i++) {
        os_yield();
        if (look(call))
            return true;
    }
    return false;
}

bool shared_spin(const void *object, bool (*look)(void *call), void *call)
{
    struct sync_budget *budget = budget_of(object);
    int shift = sync_budget_take(budget);
    if (shift < 0 || wait_me()->carrier->is_coroutine || wait_deterministic)
        return false;
    bool there = sync_may_spin() && spin_by_pauses(os_now() + (SPIN_NS >> shift), look, call);
    there = there || spin_by_yields(YIELDS >> shift, look, call);
    if (there)
        sync_budget_learn(budget, 0);
    return there;
}

void shared_spin_learn(const void *object, int64_t since)
{
    sync_budget_learn(budget_of(object), wait_now() - since);
}
