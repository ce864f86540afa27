/* plait/start.h - start, join, cancel: the life of a task. Include <plait.h>.
 *
 * A task is one running function on a carrier: a process, a thread or a coroutine. The same calls
 * serve all three; the carrier is one word of plait_start. There is no main loop to enter: main and
 * any plain thread start and join them.
 *
 * Example:
 *     int work(void *arg)
 *     {
 *         return printf("%s says %s\n", plait_task_name(NULL), (char *)arg), 7;
 *     }
 *     int start_and_join(plait_carrier carrier)
 *     {
 *         plait_task *task;
 *         int status; // how my wait ended and what the task returned are two facts
 *         int rc = plait_start(&task, carrier, work, (void *)"hello", NULL);
 *         if (rc == 0)
 *             rc = plait_join(task, &status, plait_after(PLAIT_SECOND));
 *         return rc == 0 ? status : rc;
 *     }
 *
 * The handle is given back by the plait_join that saw the end, or by plait_detach; using it later,
 * or joining twice, aborts. Where none was asked for (NULL), the tasks belong to the task that
 * started them: plait_join_all waits for them, and the end of a thread, coroutine or process waits
 * for its own. main waits for whatever runs, but for daemons. Inside plait_scoped (scope.h) all of
 * them, with a handle or without, end before the block does.
 *
 * A process task is a fork: it has this program's memory as a copy and shares only what lies in
 * plait_share. It is allowed beside other threads, which are not there in the child. stdio is
 * flushed before, so that nothing is written twice. It dies with this program, however that ends,
 * unless .untied. No SIGCHLD handler is installed, and one of the program's, SIG_IGN or its wait()
 * calls do no harm. Cancel is delivered once, by the task's current or next wait; functions that
 * plait does not know are not interrupted. Since 0.1. */
#ifndef PLAIT_START_H
#define PLAIT_START_H
#include <plait/macros.h>
#include <plait/spawn.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Zeroes are the defaults. */
typedef struct plait_start_options {
    const char *name; /* copied; "process-3", "thread-4", "coroutine-5" */
    bool daemon;      /* not joined at the program's end: it is stopped at its next plait call */
    bool untied;      /* process: outlives this program; else it dies with it, SIGKILL included */
    /* coroutine: may go on on another worker after a call; then keep no errno, no thread-local */
    bool movable;
    /* bytes: a coroutine's address space, 256 KB, at least 16 KB; a thread's stack, libc's own */
    size_t stack;
    plait_method method; /* process: by fork, or in a new image (spawn.h) */
    size_t arg_size;     /* bytes of *arg that cross to a new image; 0: arg is NULL */
    void *const *shared; /* shared objects that cross: plait_inherited(0) ... there */
    int shared_count;
    const plait_child_options *child; /* process: what is changed in it (spawn.h) */
    int64_t grace;                    /* process: nanoseconds from SIGTERM to SIGKILL, 5 s */
    PLAIT_OPTIONS(plait_start_options)
} plait_start_options;

/* Starts function(arg) as a task.
 *   task     gets the handle, NULL on failure; NULL: no handle is wanted, plait_join_all waits for
 *            it
 *   arg      handed on as it is; must live as long as the task needs it (a process has its copy)
 *   returns  0: it runs or will soon
 *   errors   -EINVAL (no such carrier, function NULL, an option out of range, a reserved word not
 *            0), -ENOMEM, -EAGAIN (a limit of threads or processes), -EMFILE, -ENFILE, -ENOSPC (no
 *            room for *arg), -EBUSY (strict fork beside other threads; a constructor of a new
 *            image), -PLAIT_EFUNCTION (not found in a new image), -ENOTSUP (no new image here),
 *            what .child could not change, what a filter of system calls says to clone or exec
 *            (-EPERM, -EACCES ...); without a handle the failure counts in plait_join_all
 *   process  runs in a child; what the function returns is its status, as is what
 *            it gives to exit(), not cut to eight bits (musl: exit's is)
 *   blocks   never; a fork copies page tables meanwhile */
int plait_start(plait_task **task, plait_carrier carrier, plait_function *function, void *arg,
                const plait_start_options *options);

/* Waits for the task's end and gives the handle back.
 *   status   gets what the function returned, PLAIT_KILLED(signal), or -PLAIT_EFAILED of a thread
 *            that left by pthread_exit; NULL: not wanted. Untouched on failure
 *   returns  0: it has ended, the handle is no more
 *   errors   -EAGAIN (PLAIT_NOW and it runs), -ETIMEDOUT, -ECANCELED (this task, not that one): the
 *            handle stays yours; -EDEADLK (itself, or the youngest of a circle of waits:
 *            watch.h), -EINVAL (NULL)
 *   misuse   a handle given back before; a duration where a deadline belongs
 *   blocks   until the end */
int plait_join(plait_task *task, int *status, int64_t deadline);

/* Waits for all that this task started without a handle, so that nobody keeps a list. Inside
 * plait_scoped: for those of this block.
 *   returns  how many failed: returned another status than 0, were killed, or could not be started;
 *            0 when none did
 *   errors   -EAGAIN (PLAIT_NOW and one runs), -ETIMEDOUT, -ECANCELED, -EDEADLK (the youngest of a
 *            circle of waits): nothing is forgotten, call again
 *   misuse   a duration where a deadline belongs
 *   blocks   until all have ended */
int plait_join_all(int64_t deadline);

/* Gives the handle back without waiting. The task goes on, and main still waits for it at the end
 * unless it is a daemon; a plait_scoped around it and the caller lets it go.
 *   errors   none
 *   misuse   a handle given back before
 *   blocks   never */
void plait_detach(plait_task *task);

/* Ends the task's current or next wait with -ECANCELED, once. One that does not wait can ask
 * plait_is_canceled. To a process a second cancel is stronger: SIGTERM, and SIGKILL when .grace has
 * passed. Allowed in signal handlers.
 *   errors   none; a task that has ended is left alone
 *   misuse   a handle given back before
 *   blocks   never */
void plait_cancel(plait_task *task);

/* A process: SIGTERM now, SIGKILL after .grace. A thread or coroutine: plait_cancel.
 *   returns  0, also when it has ended
 *   errors   -EPERM (a child that changed its user)
 *   misuse   a handle given back before
 *   blocks   never; plait_join tells the end, since it may take its time */
int plait_terminate(plait_task *task);

/* A process: SIGKILL.
 *   returns  0, also when it has ended
 *   errors   -ENOTSUP (a thread or coroutine: cannot be killed safely, since it may hold a lock of
 *            libc), -EPERM
 *   misuse   a handle given back before
 *   blocks   never; plait_join tells the end */
int plait_kill(plait_task *task);

#ifdef __cplusplus
}
#endif
#endif
