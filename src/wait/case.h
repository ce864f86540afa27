/* What a noun gives to plait_select: a table, so that select knows no noun. */
#ifndef WAIT_CASE_H
#define WAIT_CASE_H

#include "wait/wait.h"

#include <plait/select.h>

enum { WAIT_CASE_WORDS = 2 };

struct plait_case_kind {
    const char *verb, *type; /* for dumps: "get", "queue" */
    /* Tries once. >= 0: done, this becomes the case's result. -EAGAIN: would have to wait, and
     * nothing is left behind. -EPIPE: never again (a closed queue). */
    int (*attempt)(plait_case *one);
    /* Announces the sleeper and says on which words to sleep, at most WAIT_CASE_WORDS; 0: look
     * again, the case may be ready. */
    int (*words)(plait_case *one, struct wait_word *words);
    /* The sleeper was taken off one of this case's words, or may have been, but another case was
     * done, or none: the wake is another sleeper's, pass it on. NULL: wakes of this noun go to all.
     */
    void (*pass_on)(plait_case *one);
};

#endif
