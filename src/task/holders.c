/* Whom a task waits for when it waits for tasks (wait/look.h). A process' own waits are not seen
 * from here, so it counts as one that will act. */
#include "os/sanitizer.h"
#include "task/task.h"
#include "wait/look.h"

/* The record may be another task's by now. */
OS_READS_HINTS int task_holders(const struct wait_self *waiter, const void *shown,
                                struct wait_holder *who, int most)
{
    const struct task_slot *slot = slot_find(shown);
    struct task_record *record = slot && !task_has_ended(slot) ? slot_record(slot) : NULL;
    if (!record || atom_load(&record->process, RELAXED))
        return 0;
    *who = (struct wait_holder){.self = &record->co.self};
    return 1;
}

OS_READS_HINTS static bool is_counted(const struct task_record *record, const void *count)
{
    return atom_load(&record->counted_in, RELAXED) == count ||
           atom_load(&record->inside, RELAXED) == (uintptr_t)count;
}

/* Those that wait themselves: one that cannot end is enough, because all must. */
OS_READS_HINTS static int counted_holders(const struct wait_self *waiter, const void *shown,
                                          struct wait_holder *who, int most)
{
    const void *count = atom_load(&((const struct task_record *)waiter)->awaited, RELAXED);
    int found = 0;
    for (uint32_t i = 0; i < slot_limit() && found < most; i++) {
        struct task_record *record = slot_record(slot_at(i));
        if (record && !atom_load(&record->process, RELAXED) && &record->co.self != waiter &&
            is_counted(record, count) && atom_load(&record->co.self.note.holders, RELAXED))
            who[found++] = (struct wait_holder){.self = &record->co.self};
    }
    return found;
}

void tasks_awaited(struct task_record *record, const void *count, bool may_fail)
{
    atom_store(&record->awaited, count, RELAXED);
    wait_on_holders(&record->co.self, count ? counted_holders : NULL, may_fail);
}
