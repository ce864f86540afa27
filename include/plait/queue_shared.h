/* plait/queue_shared.h - the queue between processes. Include <plait.h>.
 *
 * plait_queue_open with `.where = PLAIT_SHARED` makes a queue for this process and those that it
 * starts later; with `.url = "shm:NAME"` unrelated processes meet in it: the first one makes it,
 * the others attach, and all must say the same element, capacity and options. All calls of the
 * queue's headers are the same.
 *
 * Example:
 *     int produce_numbers(void *queue)
 *     {
 *         for (int i = 0; i < 10 && plait_put((plait_queue *)queue, &i, PLAIT_NEVER) == 0; i++)
 *             ;
 *         return plait_queue_close((plait_queue *)queue);
 *     }
 *     int main(void)
 *     {
 *         plait_queue *queue =
 *             plait_queue_open(sizeof(int), 4, &(plait_queue_options){.where = PLAIT_SHARED});
 *         if (!queue)
 *             return 1;
 *         plait_start(NULL, PLAIT_PROCESS, produce_numbers, queue, NULL);
 *         for (int item; plait_get(queue, &item, PLAIT_NEVER) == 0;)
 *             printf("%d\n", item);
 *         plait_queue_free(queue);
 *         return 0;
 *     }
 *
 * Any process may be killed at any instruction: an item is whole or not there, and the queue stays
 * usable for the others. A wait that nobody alive can end, ends: a get, while all other processes
 * that ever had the queue open are gone and no task of this one ever put, returns -EPIPE when all
 * of them left (exit, exec, plait_queue_free), -EOWNERDEAD when one was killed; likewise a put, and
 * a join, while no task of this process ever got. It is noticed within 50 ms, as is whatever else
 * the dead left behind: a place reserved or taken by a dead process is free again.
 *
 * With `.redeliver` an item is only out for good when the task that got it says
 * plait_queue_task_done; until then it takes its place, and if its process dies it comes back: to
 * the front (FIFO), the top (LIFO), its priority. So each item is worked on at least once; what was
 * half done is done again.
 *
 * What is different: it has a bound, between 1 and what memory holds; no compare function, because
 * a function is of one process; PLAIT_NOW may say -EAGAIN while a stopped process is inside;
 * plait_queue_free gives back this process' handle only; plait_queue_open also fails with EEXIST,
 * ENOENT, EACCES, EXDEV, EUSERS, EMFILE, ENOSPC and PLAIT_EFORMAT (another kind, size or layout).
 * -PLAIT_EFORMAT of a call: the memory is damaged.
 *
 * Messages of several types, as System V's msgrcv selects them, are a queue for each type: who
 * wants one type gets from its queue, who takes any of some plait_selects their plait_on_get, and
 * who wants the lowest type first opens one queue with PLAIT_PRIORITY. Not a get that looks past
 * other messages of one queue, because many of a type that nobody gets would fill it and stop all
 * others.
 *
 * Since 0.1; after Michael and Scott's queue with two locks (1996), on the kernel's robust futexes.
 */
#ifndef PLAIT_QUEUE_SHARED_H
#define PLAIT_QUEUE_SHARED_H
#include <plait/queue.h>
#ifdef __cplusplus
extern "C" {
#endif

/* How many items are known to have died with the process that had taken them. Not with .redeliver,
 * where they come back. A get that was killed between its effect and its return is not known.
 *   returns  the count, 0 of a private queue
 *   errors   none
 *   blocks   never */
uint64_t plait_queue_lost(const plait_queue *queue);

#ifdef __cplusplus
}
#endif
#endif
