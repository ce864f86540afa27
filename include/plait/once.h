/* plait/once.h - a function that runs once, whoever comes first. Include <plait.h>.
 *
 * For what is made at its first use: a table, a connection, a library's own beginning. All may
 * call; one runs the function, the others wait for it, and from then on the call is a look at a
 * word. A run that fails does not count: the next caller tries again, so that a file that was
 * missing for a moment does not spoil the program for ever.
 *
 * Example:
 *     static plait_once ready; // zeroed: private and not yet run, no init needed
 *     static FILE *words;
 *     static int open_words(void *path)
 *     {
 *         words = fopen(path, "r");
 *         return words ? 0 : 1; // 1: the next caller tries again
 *     }
 *     int use_words(void *path)
 *     {
 *         int rc = plait_once_run(&ready, open_words, path, PLAIT_NEVER);
 *         if (rc < 0)
 *             return puts(plait_strerror(rc)), rc;
 *         return fgetc(words);
 *     }
 *
 * A run is over and has failed when the function returns anything but 0, as one that was cancelled
 * does; when its thread ends inside (pthread_exit, pthread_cancel), or a C++ exception leaves it.
 * One that leaves it by longjmp goes unnoticed: nobody else will run it, and this task's next call
 * says -EDEADLK. Do not.
 *
 * What the function wrote is seen by all whose call returned 0. Threads, coroutines and plain
 * pthreads may call at the same moment; with PLAIT_SHARED processes too, each with a function of
 * its own that does the same. One that is killed inside has not run it: the next caller does, alone
 * and untold, so a function for a shared once must begin anew over what another one left half done,
 * and what it makes must lie in shared memory. The struct is 64 bytes and yours. After fork a
 * private one is the child's own copy: what another task was running there counts as failed. The
 * origin is pthread_once, whose initialiser cannot fail. Since 0.1. */
#ifndef PLAIT_ONCE_H
#define PLAIT_ONCE_H
#include <plait/macros.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct plait_once {
    uint64_t own[8];
} plait_once;

/* Makes one whose function has not run. Not needed for a private one: zeroes are one.
 *   where    PLAIT_PRIVATE, or PLAIT_SHARED in memory from plait_share
 *   errors   none
 *   misuse   PLAIT_SHARED in other memory: children would not see it
 *   blocks   never */
void plait_once_init(plait_once *once, plait_where where);

/* Sees to it that the function has run: calls function(arg) if it has not.
 *   function 0: done for ever. It runs on the caller's own stack, is given his cancel, not the
 *            deadline, and may use other onces
 *   returns  0: it has run, here or elsewhere
 *   errors   -PLAIT_EFAILED (it ran here and did not return 0), -EDEADLK (called from inside it),
 *            -EAGAIN (PLAIT_NOW and another one runs it), -ETIMEDOUT, -ECANCELED, -ENOLCK (shared:
 *            this thread holds 1,900 shared objects, or there is no memory for its first one)
 *   misuse   a duration where a deadline belongs; function NULL
 *   blocks   while the function runs, or until the deadline while another runs it */
PLAIT_MUST_USE int plait_once_run(plait_once *once, plait_function *function, void *arg,
                                  int64_t deadline);

#ifdef __cplusplus
}
#endif
#endif
