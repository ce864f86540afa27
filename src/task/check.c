/* What checked mode asks of a task beside the order of its locks: that it gives them back before
 * its end, and holds none across a call that may block for long. */
#include "base/report.h"
#include "task/task.h"
#include "wait/held.h"
#include "wait/robust.h"

#include <plait/watch.h>

enum { PLACES = 64, NAME = 128 };

/* It stops the program, because nobody else could ever release it: whoever wants it waits for
 * ever. */
void task_check_end(struct task_record *record)
{
    struct wait_held_one one;
    char place[NAME];
    bool foreign = record->flags & TASK_IS_FOREIGN; /* its death is told by a shared lock itself */
    if (!foreign)
        robust_let_go((uintptr_t)&record->co.self);
    int shared = foreign ? 0 : robust_held_count((uintptr_t)&record->co.self);
    if (wait_held_last(&record->co.self, &one) && (one.mark || !foreign))
        base_misuse(one.object, one.type, NULL, "still held at the end of '%s', taken at %s",
                    record_name(record), base_place(one.place, place, sizeof place));
    if (shared)
        base_misuse(NULL, "task", NULL, "'%s' ended while it held %d shared lock%s",
                    record_name(record), shared, shared == 1 ? "" : "s");
    wait_held_drop(&record->co.self);
}

/* Once for each place: a program that means it should not drown in reports. A full table says no
 * more. */
static bool is_new_place(void *place)
{
    static void *places[PLACES];
    for (int i = 0; i < PLACES; i++) {
        void *seen = NULL;
        if (atom_cas(&places[i], &seen, place, ACQ_REL))
            return true;
        if (seen == place)
            return false;
    }
    return false;
}

void task_check_blocking(struct task_record *record, void *place)
{
    struct wait_held_one one;
    char object[NAME], since[NAME], here[NAME];
    if (!wait_is_checked() || !wait_held_last(&record->co.self, &one) || !is_new_place(place))
        return;
    base_report(PLAIT_REPORT_STUCK,
                "'%s' holds %s, taken at %s, across a blocking call at %s: who wants it waits, too",
                record_name(record), base_object(one.object, one.type, object, sizeof object),
                base_place(one.place, since, sizeof since), base_place(place, here, sizeof here));
}
