/* One thread per process that sleeps in the kernel for all coroutines that wait on shared words,
 * where workers have no rings. */
#ifndef WAIT_HELPER_H
#define WAIT_HELPER_H

#include "wait/wait.h"

/* The caller lies in the lot under the word, which was as `seen` says then. From now on one
 * coroutine of those that joined is woken when the word is woken in the kernel, and looks at it
 * each 20 ms. False: no helper, or too many words: the caller patrols by itself. */
bool helper_join(const struct wait_word *joined);
/* Quiesce: until the thread has ended; the next who needs it starts another. */
int helper_end(int64_t deadline, void *place);
void helper_after_fork(void);

#endif
