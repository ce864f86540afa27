/* The end of a task as a case of plait_select. */
#include "base/report.h"
#include "task/task.h"
#include "wait/case.h"

#include <errno.h>

/* `object` is the slot, whose memory stays; `number` its serial, by which a handle given back
 * meanwhile is found; `data` the user's place. */
static int end_attempt(plait_case *one)
{
    struct task_slot *slot = one->object;
    if (slot_record(slot) == task_me())
        return -EDEADLK;
    bool ended = task_has_ended(slot);
    /* pairs with the RELEASE of slot_free */
    if (unlikely(atom_load(&slot->serial, ACQUIRE) != (uint32_t)one->number))
        base_misuse(slot, "task", one->data, "joined or detached while a select waits for its end");
    return ended ? 0 : -EAGAIN;
}

static int end_words(plait_case *one, struct wait_word *words)
{
    struct task_slot *slot = one->object;
    uint32_t seen = atom_or(&slot->state, TASK_JOINED, ACQ_REL);
    words[0] = (struct wait_word){.word = &slot->state, .seen = seen | TASK_JOINED};
    return (seen & TASK_STATE) < PLAIT_DONE;
}

plait_case plait_on_end(plait_task *task)
{
    static const struct plait_case_kind kind = {"wait for", "end of a task", end_attempt, end_words,
                                                NULL};
    void *place = __builtin_return_address(0);
    if (!task)
        return (plait_case){0};
    struct task_slot *slot = slot_of(task, "select", place);
    return (plait_case){
        .kind = &kind, .object = slot, .data = place, .number = atom_load(&slot->serial, RELAXED)};
}
