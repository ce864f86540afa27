/* Task-locals: an array of values in each task, indexed by the number that a plait_local got at its
 * first use. */
#include "base/report.h"
#include "base/spin.h"
#include "os/os.h"
#include "task/task.h"

#include <plait/local.h>

#include <errno.h>

enum { LOCALS_MOST = 1024, ROUNDS = 4 };

struct task_locals {
    uint32_t count;
    void *values[];
};

static struct {
    base_spin lock;
    uint32_t count;    /* numbers given out; number n is at keys[n - 1] */
    uint32_t inherits; /* some of them are inherited: otherwise no start looks */
    plait_local *keys[LOCALS_MOST];
} locals;

/* Its number, from 1; 0: LOCALS_MOST are in use. */
static uint32_t local_number(plait_local *local)
{
    uint64_t number = atom_load(&local->own, ACQUIRE);
    if (likely(number))
        return (uint32_t)number;
    base_spin_lock(&locals.lock);
    if (!local->own && locals.count < LOCALS_MOST) {
        locals.keys[locals.count++] = local;
        if (local->inherit)
            atom_store(&locals.inherits, 1, RELAXED);
        atom_store(&local->own, locals.count, RELEASE);
    }
    base_spin_unlock(&locals.lock);
    return (uint32_t)local->own;
}

static void local_check(const plait_local *local, void *place)
{
    if (!local || atom_load(&local->own, RELAXED) > LOCALS_MOST)
        base_misuse(local, "local", place, "not a plait_local that was zero at first");
}

void *plait_local_get(plait_local *local)
{
    local_check(local, __builtin_return_address(0));
    struct task_locals *mine = task_me()->locals;
    uint64_t number = atom_load(&local->own, ACQUIRE);
    return mine && number && number <= mine->count ? mine->values[number - 1] : NULL;
}

static int locals_grow(struct task_record *record, uint32_t count)
{
    struct task_locals *old = record->locals, *grown;
    grown = os_alloc(sizeof *grown + count * sizeof grown->values[0]);
    if (!grown)
        return -ENOMEM;
    grown->count = count;
    if (old)
        memcpy(grown->values, old->values, old->count * sizeof old->values[0]);
    os_free(old);
    record->locals = grown;
    return 0;
}

int plait_local_set(plait_local *local, void *value)
{
    local_check(local, __builtin_return_address(0));
    struct task_record *me = task_me();
    uint32_t number = local_number(local);
    if (!number)
        return -ENOSPC;
    if (!me->locals || me->locals->count < number) {
        int rc = locals_grow(me, (number + 7) & ~7u);
        if (rc < 0)
            return rc;
    }
    me->locals->values[number - 1] = value;
    return 0;
}

/* One value of the starter's for the task that is about to start. Looked up at each step, because
 * `inherit` may set a local and so replace the array. */
static int local_inherit(struct task_record *from, struct task_record *to, uint32_t i)
{
    void *value = from->locals->values[i];
    if (!value || !locals.keys[i]->inherit)
        return 0;
    if ((!to->locals || to->locals->count <= i) && locals_grow(to, (i + 8) & ~7u) < 0)
        return -ENOMEM; /* before the call, so that nothing of its making is lost */
    to->locals->values[i] = locals.keys[i]->inherit(value);
    return 0;
}

/* In the order in which the locals were first used. On failure the caller drops the record, and
 * destroys what it has got so far. */
int locals_inherit(struct task_record *from, struct task_record *to)
{
    int rc = 0;
    if (likely(!atom_load(&locals.inherits, RELAXED)) || !from->locals)
        return 0;
    for (uint32_t i = 0; rc == 0 && i < from->locals->count; i++)
        rc = local_inherit(from, to, i);
    return rc;
}

/* The array is looked up at each step, because a destructor that sets another local may replace it
 * by a longer one. */
static bool destroy_round(struct task_record *record)
{
    bool any = false;
    for (uint32_t i = 0; i < record->locals->count; i++) {
        void *value = record->locals->values[i];
        record->locals->values[i] = NULL;
        if (value && locals.keys[i]->destroy) {
            any = true;
            locals.keys[i]->destroy(value);
        }
    }
    return any;
}

/* A destructor may set values again; as in pthreads that is followed four times. */
void locals_destroy(struct task_record *record)
{
    if (!record->locals)
        return;
    for (int round = 0; round < ROUNDS && destroy_round(record); round++)
        ;
    os_free(record->locals);
    record->locals = NULL;
}

/* A thread that gives out a number at the moment of a fork is not there in the child to unlock. */
void locals_fork_prepare(void)
{
    base_spin_lock(&locals.lock);
}

void locals_fork_done(void)
{
    base_spin_unlock(&locals.lock);
}
