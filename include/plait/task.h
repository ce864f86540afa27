/* plait/task.h - what a task can be asked, and leaving. Include <plait.h>.
 *
 * plait/start.h starts, joins and cancels tasks; here stands what they tell about themselves. NULL
 * is the calling task in all plait_task_... calls. Every caller is a task: main and plain pthreads
 * get a record at their first call.
 *
 * Example:
 *     void show(plait_task *task, void *unused)
 *     {
 *         printf("%s, pid %d, %s\n", plait_task_name(task), (int)plait_task_pid(task),
 *                plait_is_alive(task) ? "alive" : "over");
 *     }
 *     int show_all(void)
 *     {
 *         return plait_tasks_visit(show, NULL);
 *     }
 *
 * A handle that was given back (joined or detached) is recognized by its number: using it aborts.
 * None of these calls waits but plait_quiesce and plait_blocking. Since 0.1. */
#ifndef PLAIT_TASK_H
#define PLAIT_TASK_H
#include <plait/macros.h>
#include <plait/start.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Not started yet | on a CPU or ready for one | in a plait wait | returned 0 | returned something
 * else or was killed | ended because it was cancelled. */
typedef enum plait_state {
    PLAIT_PENDING,
    PLAIT_RUNNING,
    PLAIT_WAITING,
    PLAIT_DONE,
    PLAIT_FAILED,
    PLAIT_CANCELED
} plait_state;

/* The calling task.
 *   returns  its handle, borrowed: not to be joined or detached; never NULL, on plain threads too
 *   errors   none; without memory for a plain thread's record, or a thread key (of 1,024 in a
 *            program) that tells of its end, it aborts and says so
 *   blocks   never */
plait_task *plait_self(void);

/* Was the calling task cancelled? For loops that never wait; does not take the cancel away.
 *   returns  true from the first plait_cancel on, also after a wait has told it
 *   errors   none
 *   blocks   never */
bool plait_is_canceled(void);

/* What it does at this moment.
 *   returns  its state; a hint, because it may have changed when you look
 *   errors   none
 *   blocks   never */
plait_state plait_task_state(const plait_task *task);

/* Has it not ended?
 *   returns  true before its end, also before its start
 *   errors   none
 *   blocks   never */
bool plait_is_alive(const plait_task *task);

/* A number that is its own, never used again in this program, so that logs can be told apart.
 *   returns  above 0
 *   errors   none
 *   blocks   never */
uint64_t plait_task_id(const plait_task *task);

/* The process it runs in: the child's for a process task, else this one's.
 *   returns  a pid
 *   errors   none
 *   blocks   never */
pid_t plait_task_pid(const plait_task *task);

/* What carries it.
 *   returns  of a main task PLAIT_PROCESS, of a plain pthread PLAIT_THREAD
 *   errors   none
 *   blocks   never */
plait_carrier plait_task_carrier(const plait_task *task);

/* Its name, of the options or "thread-4".
 *   returns  never NULL; borrowed until it is renamed or the handle given back
 *   errors   none
 *   blocks   never */
const char *plait_task_name(const plait_task *task);

/* Renames it, so that messages and the dump tell what it does now.
 *   name     copied, at most 31 bytes of it; NULL: the name it would have had
 *   errors   none
 *   blocks   never */
void plait_task_set_name(plait_task *task, const char *name);

/* Was it started as a daemon? There is no call to change it: it must be said at the start.
 *   returns  true or false
 *   errors   none
 *   blocks   never */
bool plait_task_is_daemon(const plait_task *task);

/* The status without a join, so that one may look now and join later.
 *   status   gets what plait_join would give; untouched on failure
 *   returns  0
 *   errors   -EAGAIN (it has not ended)
 *   blocks   never */
int plait_task_status(const plait_task *task, int *status);

/* Did a process task leave a core file?
 *   returns  true or false; false while it runs
 *   errors   none
 *   blocks   never */
bool plait_task_dumped_core(const plait_task *task);

/* A descriptor that is readable from its end on, so that a poll loop can wait for it.
 *   returns  the descriptor, close-on-exec; yours to close
 *   errors   -EMFILE, -ENFILE, -ENOMEM
 *   blocks   never */
int plait_task_descriptor(plait_task *task);

/* Calls visit for each task of this process and each process task it started.
 *   visit    gets a handle that is good inside; may call everything but join and detach of it
 *   returns  how many
 *   errors   none
 *   blocks   never, unless visit does */
int plait_tasks_visit(void (*visit)(plait_task *task, void *arg), void *arg);

/* exit(status) from any task: main runs the handlers. exit() works too, on the caller's own stack.
 *   returns  never
 *   errors   none */
void plait_exit(int status);

/* Ends plait's own threads (workers, watcher, helpers) until the next start: before setuid, unshare
 * or a seccomp filter, which must hold for all threads.
 *   returns  0: they are gone
 *   errors   -EBUSY (coroutines live), -EAGAIN (PLAIT_NOW), -ETIMEDOUT, -ECANCELED
 *   misuse   a duration where a deadline belongs
 *   blocks   until the threads have ended */
int plait_quiesce(int64_t deadline);

/* A foreign call that may block for long: on a coroutine it runs on a helper thread while others
 * use the worker; elsewhere it is just called.
 *   function runs on another thread: its errno and thread-locals are not the caller's
 *   returns  what function(arg) returned
 *   errors   -EINVAL (function NULL); not ended by cancel, because the call could not be
 *            interrupted
 *   blocks   until function returns */
int plait_blocking(plait_function *function, void *arg);

#ifdef __cplusplus
}
#endif
#endif
