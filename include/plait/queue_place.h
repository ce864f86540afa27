/* plait/queue_place.h - items written and read where they lie. Include <plait.h>.
 *
 * Large items need not be copied: a putter reserves a place, writes the item into it and commits, a
 * getter takes one, reads it and releases it. In between both may do what they like, wait too; the
 * place counts against the capacity as long as it is out.
 *
 * Example:
 *     typedef struct picture { unsigned char pixel[1 << 20]; } picture;
 *     int paint(plait_queue *pictures)
 *     {
 *         picture *place = plait_queue_reserve(pictures, sizeof *place, PLAIT_NEVER);
 *         if (!place)
 *             return errno; // EPIPE: closed
 *         memset(place->pixel, 128, sizeof place->pixel);
 *         plait_queue_commit(pictures, place);
 *         return 0;
 *     }
 *     int show(plait_queue *pictures)
 *     {
 *         const picture *place = plait_queue_take(pictures, NULL, PLAIT_NEVER);
 *         if (!place)
 *             return errno;
 *         printf("%d\n", place->pixel[0]);
 *         plait_queue_release(pictures, place);
 *         return 0;
 *     }
 *
 * Puts and gets that copy work on the same queue at the same time. In a bounded FIFO queue an item
 * has its place in line from plait_queue_reserve on, and gets wait for it; in all others it comes
 * in when it is committed. A place is aligned for a pointer. A close does not take places away:
 * gets end with -EPIPE when what was reserved before is committed, and taken out, or given up. Any
 * task may settle a place, but only once. Since 0.1. */
#ifndef PLAIT_QUEUE_PLACE_H
#define PLAIT_QUEUE_PLACE_H
#include <errno.h>
#include <plait/queue.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Room for one item, to be written in place. Its bytes are what lay there before.
 *   size     the message's bytes; else the queue's element, or PLAIT_UNSIZED
 *   returns  where to write; plait_queue_commit or plait_queue_give_up settles it
 *   errors   NULL and errno: EAGAIN (PLAIT_NOW and full), EPIPE (closed), EMSGSIZE (a message
 *            larger than the room in all), ENOMEM (without a bound, or a message), ETIMEDOUT,
 *            ECANCELED
 *   misuse   as plait_put_bytes
 *   blocks   while the queue is full */
PLAIT_MUST_USE void *plait_queue_reserve(plait_queue *queue, size_t size, int64_t deadline);

/* The item is written: it is in the queue, and no longer yours. On a queue by numbers its priority
 * is 0.
 *   item     from plait_queue_reserve
 *   errors   none; never -ECANCELED
 *   misuse   not a reserved place, or settled before
 *   blocks   never for items or room; in a shared queue while another task is inside for a moment,
 *            and if that one is stopped (SIGSTOP) until it goes on */
void plait_queue_commit(plait_queue *queue, void *item);

/* There will be no item: the place is free again.
 *   item     from plait_queue_reserve
 *   errors   none; never -ECANCELED
 *   misuse   not a reserved place, or settled before
 *   blocks   never for items or room; in a shared queue while another task is inside for a moment,
 *            and if that one is stopped (SIGSTOP) until it goes on */
void plait_queue_give_up(plait_queue *queue, void *item);

/* The next item, to be read in place.
 *   size     NULL, or where its bytes are told
 *   returns  where it lies; plait_queue_release or plait_queue_put_back settles it
 *   errors   NULL and errno: EAGAIN (PLAIT_NOW and empty), EPIPE (closed and empty), ETIMEDOUT,
 *            ECANCELED; *size is untouched
 *   misuse   as plait_get_bytes
 *   blocks   while the queue is empty and open */
PLAIT_MUST_USE const void *plait_queue_take(plait_queue *queue, size_t *size, int64_t deadline);

/* The item was read: its place is free again.
 *   item     from plait_queue_take
 *   errors   none; never -ECANCELED
 *   misuse   not a taken item, or settled before
 *   blocks   never for items or room; in a shared queue while another task is inside for a moment,
 *            and if that one is stopped (SIGSTOP) until it goes on */
void plait_queue_release(plait_queue *queue, const void *item);

/* The item goes back to where it came from: the first in line, the last one in, or its priority.
 * Works on a closed queue too: it can be got once more.
 *   item     from plait_queue_take
 *   errors   none; never -ECANCELED
 *   misuse   not a taken item, or settled before
 *   blocks   never for items or room; in a shared queue while another task is inside for a moment,
 *            and if that one is stopped (SIGSTOP) until it goes on */
void plait_queue_put_back(plait_queue *queue, const void *item);

#ifdef __cplusplus
}
#endif
#endif
