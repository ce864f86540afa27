/* plait/local.h - a value of its own for each task. Include <plait.h>.
 *
 * What thread-local storage is for threads, for tasks of all carriers: two coroutines on one worker
 * have two values, and a coroutine has its value wherever it runs. The variable is a static
 * plait_local, the same for all; each task sees NULL in it until it sets a value of its own.
 *
 * Example:
 *     static plait_local request = {.destroy = free}; // zeroes will do when nothing is to be freed
 *     int serve(void *name)
 *     {
 *         if (plait_local_set(&request, strdup((const char *)name)) != 0)
 *             return 1;
 *         return printf("%s\n", (char *)plait_local_get(&request)), 0; // freed when this task ends
 *     }
 *
 * With .inherit a task that is started gets inherit(value) of its starter's value, as its own: a
 * copy, the same with one more reference, or NULL for none. plait_start calls it in the starter,
 * local by local in the order of their first use, before the task can run; so on all carriers. The
 * new task destroys it at its end; a start that fails does so at once; and as a process has a copy
 * of it, plait_start destroys the starter's own copy when the child is there.
 *
 * Values are found by the address of the plait_local, so it must live as long as any task that set
 * one. No call here waits. After fork the child's main task has the values of the task that forked;
 * those of the others are not there, and their destroy is not called in the child. Plain pthreads
 * have no starter: they inherit nothing. Since 0.1. */
#ifndef PLAIT_LOCAL_H
#define PLAIT_LOCAL_H
#include <plait/macros.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct plait_local {
    void (*destroy)(void *value);  /* called by the task at its end, unless its value is NULL */
    void *(*inherit)(void *value); /* called by plait_start for a starter that has a value */
    uint64_t own;                  /* plait's: leave it 0 */
} plait_local;

/* This task's value, found by an index rather than a search.
 *   returns  what this task set last, borrowed; NULL when it set none
 *   errors   none
 *   blocks   never */
void *plait_local_get(plait_local *local);

/* Sets this task's value; the one before is not destroyed, since you may still hold it. NULL takes
 * it away.
 *   value    kept until the task ends or sets another
 *   returns  0
 *   errors   -ENOMEM, -ENOSPC (1,024 plait_locals are in use): the value before is still set
 *   blocks   never */
int plait_local_set(plait_local *local, void *value);

#ifdef __cplusplus
}
#endif
#endif
