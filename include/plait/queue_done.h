/* plait/queue_done.h - waiting until all is done, closing after the last. Include <plait.h>.
 *
 * Whoever gets an item says plait_queue_task_done when its work is over; plait_queue_join waits
 * until that was said for every item that was put.
 *
 * Example:
 *     int worker(void *jobs)
 *     {
 *         for (int job; plait_get((plait_queue *)jobs, &job, PLAIT_NEVER) == 0;) {
 *             printf("job %d\n", job);
 *             plait_queue_task_done((plait_queue *)jobs);
 *         }
 *         return 0;
 *     }
 *     int finish(plait_queue *jobs)
 *     {
 *         int rc = plait_queue_join(jobs, PLAIT_NEVER);
 *         plait_queue_close(jobs); // the workers end
 *         return rc;
 *     }
 *
 * An item that plait_queue_close_now took out, and a place that was given up, count as done. Since
 * 0.1. */
#ifndef PLAIT_QUEUE_DONE_H
#define PLAIT_QUEUE_DONE_H
#include <plait/queue.h>
#include <plait/task.h>
#ifdef __cplusplus
extern "C" {
#endif

/* The work on one item that was got is over: the oldest of what this task took. Wakes who joins
 * when it was the last.
 *   errors   none; never -ECANCELED
 *   misuse   more often than items were got
 *   blocks   never for items or room; in a shared queue while another task is inside for a moment,
 *            and if that one is stopped (SIGSTOP) until it goes on */
void plait_queue_task_done(plait_queue *queue);

/* Waits until all that was put is done. Items that are put meanwhile are waited for, too; an empty
 * queue of which nothing is under way is done at once.
 *   returns  0: at one moment all was done
 *   errors   -EAGAIN (PLAIT_NOW and not done), -ETIMEDOUT, -ECANCELED
 *   misuse   a duration where a deadline belongs; in a child that was forked after the open
 *   blocks   until the last plait_queue_task_done */
PLAIT_MUST_USE int plait_queue_join(plait_queue *queue, int64_t deadline);

/* Closes the queue when the last of its feeders has ended, a killed one too: then its getters take
 * the rest and end. Each call adds one.
 *   task     a handle; the caller need not keep it
 *   returns  0; a task that has ended already counts as ended
 *   errors   -EINVAL (NULL), -ENOMEM
 *   misuse   a handle given back before
 *   blocks   never */
int plait_queue_fed_by(plait_queue *queue, plait_task *task);

#ifdef __cplusplus
}
#endif
#endif
