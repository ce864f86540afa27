/* What a task waits for, told from its note. A hint: it may go on at any moment. */
#include "base/report.h"
#include "task/process.h"
#include "wait/look.h"

#include <plait/watch.h>

#include <errno.h>

/* The texts belong to the asking thread until it asks again. */
static __thread char object_text[128];

/* A child's page, copied before it is believed: the child may write it meanwhile, or be anything by
 * now. */
static int waits_of_process(struct task_process *process, plait_wait_info *wait)
{
    static __thread struct task_page page;
    if (!process_peek(process, &page) || page.state != PLAIT_WAITING)
        return -EAGAIN;
    page.verb[sizeof page.verb - 1] = page.object[sizeof page.object - 1] = 0;
    *wait = (plait_wait_info){.verb = page.verb, .object = page.object, .since = page.since};
    return 0;
}

/* Of a join the object is the one waited for. */
static plait_task *holder_of(const struct task_record *record, const struct wait_note *note)
{
    struct wait_holder who;
    bool asks = note->holders && strcmp(note->verb, "acquire") == 0;
    if (!asks || note->holders(&record->co.self, note->object, &who, 1) < 1)
        return NULL;
    uint32_t number = ((struct task_record *)who.self)->slot;
    return number < slot_limit() ? slot_handle(number) : NULL;
}

static const char *object_name(const struct wait_note *note)
{
    if (note->type && strcmp(note->type, "task") == 0 && note->object)
        base_format(object_text, sizeof object_text, "task '%s'", task_name_hint(note->object));
    else if (note->object)
        base_name_of(note->object, note->type, object_text, sizeof object_text);
    else
        base_format(object_text, sizeof object_text, "%s", note->type ? note->type : "?");
    return object_text;
}

int plait_task_waits(const plait_task *task, plait_wait_info *wait)
{
    struct task_slot *slot = slot_of(task, "waits", __builtin_return_address(0));
    struct task_record *record = task_has_ended(slot) ? NULL : slot_record(slot);
    if (!record || !wait)
        return record ? -EINVAL : -EAGAIN;
    if (record->process)
        return waits_of_process(record->process, wait);
    const struct wait_note *now = &record->co.self.note;
    const char *verb = atom_load(&now->verb, ACQUIRE);
    struct wait_note note = {
        .verb = verb,
        .holders = atom_load(&now->holders, RELAXED),
        .type = atom_load(&now->type, RELAXED),
        .object = atom_load(&now->object, RELAXED),
        .place = atom_load(&now->place, RELAXED),
        .since = atom_load(&now->since, RELAXED),
    };
    if (!verb)
        return -EAGAIN;
    *wait = (plait_wait_info){verb, object_name(&note), holder_of(record, &note), note.since,
                              note.place};
    return 0;
}
