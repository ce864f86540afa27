/* What a noun gives to plait_select: a table, so that select knows no noun.
 *
 * What select does with each of its cases, in this order:
 *   1. attempt of each in random order, until one is done
 *   2. words of each, which announces the sleeper
 *   3. the sleep on all of the words
 *   4. pass_on of each that was announced, but not of the one that was woken
 *   5. attempt of the one that was woken; unless that did it: its pass_on too, then 1 again
 * So when an attempt succeeds no other case is announced any more, and whoever sees its effect may
 * free the other objects. The one that was woken comes first because it alone may have used up a
 * wake: if it finds nothing to do, nothing was there for others either. */
#ifndef WAIT_CASE_H
#define WAIT_CASE_H

#include "wait/wait.h"

#include <plait/case.h>

enum { WAIT_CASES_MOST = 1000, WAIT_OFFER = 2 };

/* A case's `reserved` is its noun's: 0 when the select begins; `data`, `size` and `number` are as
 * the constructor filled them in. The constructor checks the object and knows the user's place. */
struct plait_case_kind {
    const char *verb, *type; /* for dumps: "get", "queue" */
    /* Tries once. >= 0: done, this becomes the case's result. -EAGAIN: would have to wait, and
     * nothing is left behind. Another code: never again (-EPIPE: a closed queue). */
    int (*attempt)(plait_case *one);
    /* Announces the sleeper (W bits) and says on which word to sleep, private or shared: 1, or
     * WAIT_OFFER, when wait_meet may hand something to the case itself, which is for private words.
     * 0: look again, the case may be ready; then it is not announced. A shared word is not covered
     * meanwhile, since there is one cover and may be many words: a wake that is swallowed by a
     * death is found out by the others' patrol. */
    int (*words)(plait_case *one, struct wait_word *words);
    /* An announced case's sleep is over, and its attempt was not made, or did not succeed. The
     * sleeper may have been taken off the word all the same, so marks such as the lock's K end
     * here. It is not announced any more. NULL: nothing to do. */
    void (*pass_on)(plait_case *one);
};

/* For two kinds of case that meet each other on one word (rendezvous.c). Finds a sleeper of the
 * word whose offer is of the other kind, and not of this task; fires him and calls `hand` under the
 * lot's lock, which must mark theirs as done. False: there is none. */
bool wait_meet(uint32_t *word, plait_case *mine,
               void (*hand)(plait_case *mine, plait_case *theirs));

/* plait_select_cases for callers with a note and a place of their own. */
int wait_select(plait_case *cases, int count, int64_t deadline, const struct wait_call *note,
                const void *shown, void *place);

#endif
