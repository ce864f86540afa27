/* One call on a queue that may have to wait, and what all of them share. */
#ifndef QUEUE_CALL_H
#define QUEUE_CALL_H

#include "queue/queue.h"

struct queue_call {
    plait_queue *queue;
    struct queue_side *side;                        /* on which it sleeps */
    int (*attempt)(struct queue_call *call);        /* of the kind */
    bool (*is_vain)(const struct queue_call *call); /* of the kind: must it sleep? */
    void *item;        /* where from, or where to; the place in the queue */
    size_t size;       /* of the item; a get's: room, then what it got */
    size_t count, did; /* of many: how many at most, how many it did */
    int64_t priority;
    int64_t since;    /* of the first sleep; shared: when it last looked after those who are gone */
    int64_t began;    /* shared: of its sleeps */
    int64_t deadline; /* shared */
    void *place;      /* shared: of the user's call, once it waits */
    unsigned looks;
    bool waited, slept, counted; /* it has spun; slept; is among those that its side counts */
    uint32_t refused; /* shared: how much room had been made when there was none for this message */
    bool joins;       /* shared: it waits until all is done */
    bool looks_after; /* shared: this attempt settles what the dead left */
};

/* Waits until the attempt has a result; for calls whose first attempt said -EAGAIN. */
int call_wait(const char *verb, struct queue_call *call, int64_t deadline, void *place)
    __attribute__((noinline));

/* Steps 1 and 2 of going to sleep (side.h): how many words; 0: look again. */
int call_announce(struct queue_call *call, struct wait_word *words);

/* An attempt has succeeded, and its effect is not visible yet: the call's wait is over. True: it
 * owes the next one of its side a wake, since something is left for him. */
bool call_end_wait(struct queue_call *call, bool left);
static inline bool call_pass_on(struct queue_call *call, bool left)
{
    return unlikely(call->waited) && call_end_wait(call, left);
}

/* Checked mode: stops the program when a second task does what one has promised to do alone. */
void call_check_owner(plait_queue *queue, struct queue_side *side);

static inline struct queue_call call_of_put(plait_queue *queue, const void *item, size_t size)
{
    if (unlikely(queue->room.single))
        call_check_owner(queue, &queue->room);
    return (struct queue_call){.queue = queue,
                               .side = &queue->room,
                               .attempt = queue->kind->put,
                               .is_vain = queue->kind->is_full,
                               .item = (void *)item,
                               .size = size};
}

static inline struct queue_call call_of_get(plait_queue *queue, void *buffer, size_t size)
{
    if (unlikely(queue->items.single))
        call_check_owner(queue, &queue->items);
    return (struct queue_call){.queue = queue,
                               .side = &queue->items,
                               .attempt = queue->kind->get,
                               .is_vain = queue->kind->is_empty,
                               .item = buffer,
                               .size = size};
}

/* Before an effect of a shared queue (shared.h). */
static inline void shared_over(struct queue_call *call)
{
    if (unlikely(call->counted))
        shared_over_slowly(call);
}

#endif
