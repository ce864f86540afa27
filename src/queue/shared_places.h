/* The counts of a shared ring's places (shared_places.c). */
#ifndef QUEUE_SHARED_PLACES_H
#define QUEUE_SHARED_PLACES_H

#include "queue/shared_ring.h"

/* In the head's room for the kind. */
struct places {
    uint64_t taken;     /* how many ever, but those that were put back */
    uint64_t turn;      /* T2: a slot's index + 1; 0: none */
    uint64_t stamp;     /* T1: of the slot while it is taken */
    uint64_t counts[2]; /* T1: what the count is to be if it is not, if it is */
    uint64_t of_lost;   /* T1: the count is that of the lost; otherwise `taken` */
};
_Static_assert(sizeof(struct places) <= sizeof(((struct shared_head *)0)->own), "own");

static inline struct places *shared_places(const plait_queue *queue)
{
    return (struct places *)(void *)queue->shared.head->own;
}

/* What becomes of a place, and so of the counts. */
enum places_change { PLACES_TAKE, PLACES_BACK, PLACES_LOSE };

/* The getters' lock, also where a getter is promised to be alone. 0; or a code as shared_enter. */
int places_enter(struct queue_call *call);
void places_enter_surely(struct queue_call *call);
void places_leave(const struct queue_call *call);

/* With the lock. T1 and T2, before the stamp of that position changes; T4 and T5, behind it. */
void places_turn(plait_queue *queue, uint64_t position, enum places_change change);
void places_turn_over(plait_queue *queue);

/* A place that is taken, whose `owner` is gone, is lost. False: somebody has been inside for
 * long. */
bool places_settle(struct queue_call *call, uint64_t position, uint64_t owner);

/* With the lock: the index where one gets alone, if that one is gone. */
void places_move_on(plait_queue *queue);

uint64_t places_gets(const plait_queue *queue);                 /* kind->gets */
void places_repair(plait_queue *queue, enum shared_side whose); /* kind->repair */

#endif
