/* plait/scope.h - tasks that end where their block ends. Include <plait.h>.
 *
 * What is started inside plait_scoped has ended when the block is left, however it is left: by its
 * end, return, break, goto or a C++ exception. So a function that starts tasks is again a function
 * whose work is done when it returns, and nobody keeps a list.
 *
 * Example:
 *     int fetch(void *what)
 *     {
 *         int rc = plait_sleep(plait_after(PLAIT_MILLISECOND));
 *         return rc ? rc : strcmp((char *)what, "news");
 *     }
 *     int fetch_both(void)
 *     {
 *         int rc;
 *         plait_scoped (plait_after(PLAIT_SECOND), &rc) {
 *             plait_start(NULL, PLAIT_COROUTINE, fetch, (void *)"news", NULL);
 *             plait_start(NULL, PLAIT_THREAD, fetch, (void *)"weather", NULL);
 *         } // waits for both; the first that fails cancels the other
 *         return rc;
 *     }
 *
 * Inside are all tasks that the block's own task starts, with a handle or without, on any carrier,
 * and what those start in turn; but for daemons, and for what is detached inside: these are let go.
 * A handle stays good after the block, for its status. plait_join_all waits for what this task
 * started in this block without a handle.
 *
 * The first of the block's own tasks that fails (another status than 0, killed, or not started
 * without a handle) cancels everything inside, and the block: its current or next wait says
 * -ECANCELED, once. So does the deadline; it also ends the block's own waits with -ETIMEDOUT, as
 * that of a block around does: the nearer one holds. A block that computes is not interrupted: what
 * it started is cancelled when it comes to its end. A task that was cancelled by its user has not
 * failed. Processes are cancelled, get SIGTERM after their .grace and SIGKILL after another one;
 * threads and coroutines that do not heed a cancel are waited for.
 *
 * The struct is the block's own, on its stack. A forked child has the block without its tasks.
 * Since 0.1; after Sustrik's libdill and Smith's nurseries. */
#ifndef PLAIT_SCOPE_H
#define PLAIT_SCOPE_H
#include <plait/macros.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct plait_scope {
    uint64_t own[16];
} plait_scope;

/* Begins a block; what plait_scoped is made of. Written out, for who wants to cancel it from
 * elsewhere: plait_scope scope = { }; plait_scope_enter(&scope, deadline, &rc); ...
 * plait_scope_finish(&scope).
 *   scope    all zeroes; belongs to the calling task until the block is left
 *   deadline of all inside; PLAIT_NEVER: none
 *   result   set when the block is left: 0, the first failure's status, -ETIMEDOUT (the deadline
 *            cut a wait of the block or its end), -ECANCELED (plait_scope_cancel, a cancel of this
 *            task while the end was awaited, or left early while tasks ran); NULL: not wanted, then
 *            a task's failure is a line on stderr (plait_on_report), unless it had a handle or
 *            plait_join_all has told it
 *   returns  scope
 *   errors   none
 *   misuse   a scope that was entered and not left; a duration where a deadline belongs
 *   blocks   never */
plait_scope *plait_scope_enter(plait_scope *scope, int64_t deadline, int *result, ...);

/* Ends the block: waits for all inside, so that none outlives it, then sets the result.
 *   errors   none; a cancel or the deadline meanwhile cancels what is inside
 *   misuse   another task's block, or one around a block that was not left
 *   blocks   until all inside have ended, also those that do not heed a cancel */
void plait_scope_finish(plait_scope *scope);

/* Leaves the block early: cancels what is inside and waits for it. Does nothing after
 * plait_scope_finish, so that one cleanup serves all ways out.
 *   errors   none
 *   misuse   as plait_scope_finish
 *   blocks   as plait_scope_finish */
void plait_scope_leave(plait_scope *scope);

/* Cancels everything inside and the block's own waits; its result is -ECANCELED unless it has one.
 * From any task or thread, while the block is not left.
 *   scope    NULL: the innermost one around the caller, also when a task around it opened it
 *   errors   none; the second time does nothing
 *   misuse   no block: never entered, left before, NULL outside of all
 *   blocks   never */
void plait_scope_cancel(plait_scope *scope);

/* plait_scoped (deadline[, &result]) { ... }: `break` leaves the block itself, as in any `for`. */
#define plait_scoped(...) PLAIT_SCOPED_(PLAIT_UNIQUE(scope), PLAIT_UNIQUE(inside), __VA_ARGS__)
#define PLAIT_SCOPED_(scope, inside, ...)                                                          \
    for (plait_scope scope PLAIT_CLEANUP(plait_scope_leave) = {},                                  \
                           *inside = plait_scope_enter(&scope, __VA_ARGS__, (int *)0);             \
         inside; plait_scope_finish(inside), inside = 0)

/* Waits from here to plait_shield_leave are not cancelled; deadlines still hold, since otherwise
 * nothing would end them. Nests.
 *   returns  1, for the block form
 *   errors   none
 *   blocks   never */
int plait_shield_enter(void);

/* The end of it, once: a cancel that came meanwhile is told by the next wait.
 *   shield   what plait_shield_enter returned; 0 from now on
 *   errors   none
 *   misuse   more often than entered
 *   blocks   never */
void plait_shield_leave(int *shield);

/* plait_shielded { ... }: for what must be brought to its end, as giving back what was taken. */
#define plait_shielded                                                                             \
    for (int PLAIT_UNIQUE(shield) PLAIT_CLEANUP(plait_shield_leave) = plait_shield_enter();        \
         PLAIT_UNIQUE(shield); plait_shield_leave(&PLAIT_UNIQUE(shield)))

#ifdef __cplusplus
}
#endif
#endif
