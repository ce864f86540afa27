/* A stripe's change from its guard to its end, and what is done after a death in one. */
#include "dict/dict.h"

#include <errno.h>

/* As if the change had never begun: after a death, and for who gives up half-way. The journal
 * first, because it may put a chunk back into `taking`. */
static int change_undo(struct dict_change *change)
{
    struct dict_stripe *stripe = change->stripe;
    plait_dict *dict = change->dict;
    int rc = dict_undo(dict, stripe->journal);
    if (rc == 0)
        rc = chunk_give(change, &stripe->taking);
    if (rc == 0)
        rc = chunk_give(change, &stripe->giving);
    if (rc == 0)
        guard_changed(&stripe->guard);
    return rc;
}

int change_begin(struct dict_change *change, plait_dict *dict, unsigned number, void *place)
{
    struct dict_stripe *stripe = dict_stripe(dict, number);
    *change = (struct dict_change){dict, stripe, number, place, dict_log(dict, stripe->journal)};
    int rc = guard_take(&stripe->guard, dict->shared, place);
    if (likely(rc != -EOWNERDEAD))
        return rc;
    rc = change_undo(change);
    if (rc == 0)
        guard_mended(&stripe->guard, dict->shared, place);
    else
        guard_give(&stripe->guard, dict->shared, place);
    return rc;
}

int change_end(struct dict_change *change, int rc)
{
    struct dict_stripe *stripe = change->stripe;
    if (likely(rc == 0)) {
        share_journal_done(&change->log);
        guard_changed(&stripe->guard);
        if (unlikely(atom_load(&stripe->giving, RELAXED)))
            rc = chunk_give(change, &stripe->giving);
    } else {
        int undone = change_undo(change);
        rc = undone == 0 ? rc : undone;
    }
    guard_give(&stripe->guard, change->dict->shared, change->place);
    return rc;
}
