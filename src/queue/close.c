/* Closing and freeing a queue. */
#include "base/report.h"
#include "queue/call.h"
#include "queue/done.h"
#include "queue/feed.h"
#include "queue/keep.h"
#include "queue/shared_done.h"

#include <plait/task.h>
#include <plait/watch.h>

#include <limits.h>

int plait_queue_close(plait_queue *queue)
{
    WAIT_POINT();
    queue_check_any(queue, __builtin_return_address(0));
    if (!queue->kind->is_closed(queue) || queue_is_shared(queue)) /* who closed may have died */
        queue->kind->close(queue);
    return 0;
}

/* Takes the next one out and gives it to the function. */
static bool drop_next(plait_queue *queue, void (*dropped)(const void *item, size_t size, void *arg),
                      void *arg)
{
    struct queue_call call = call_of_get(queue, NULL, SIZE_MAX);
    if (!queue->kind->take || queue->kind->take(&call) != 0)
        return false;
    if (dropped)
        dropped(call.item, call.size, arg);
    bool (*release)(plait_queue * queue, void *item) = queue->kind->drop;
    (release ? release : queue->kind->release)(queue, call.item);
    return true;
}

int plait_queue_close_now(plait_queue *queue,
                          void (*dropped)(const void *item, size_t size, void *arg), void *arg)
{
    uint64_t count = 0;
    WAIT_POINT();
    queue_check_any(queue, __builtin_return_address(0));
    bool shared = queue_is_shared(queue);
    queue_hold(queue); /* who hears of the close may free it, while `dropped` still runs */
    if (!queue->kind->is_closed(queue))
        queue->kind->close(queue);
    while (drop_next(queue, dropped, arg))
        count++;
    if (count && shared)
        shared_done_add(queue, count);
    else if (count)
        done_add(queue, count);
    queue_let_go(queue);
    return count < INT_MAX ? (int)count : INT_MAX;
}

struct free_search {
    const plait_queue *queue;
    char *text;
    size_t size, used;
};

/* Adds a task to the list of those that wait on the queue. */
static void free_name(plait_task *task, void *arg)
{
    struct free_search *search = arg;
    plait_wait_info wait;
    char name[128];
    if (plait_task_waits(task, &wait) != 0 || !wait.object || search->used >= search->size)
        return;
    if (strcmp(wait.object, base_name_of(search->queue, "queue", name, sizeof name)) != 0)
        return;
    search->used +=
        (size_t)base_format(search->text + search->used, search->size - search->used, "%s%s (%s)",
                            search->used ? ", " : "", plait_task_name(task), wait.verb);
}

static _Noreturn void free_refuse(const plait_queue *queue, uint32_t waiting, void *place)
{
    char names[512] = "";
    struct free_search search = {queue, names, sizeof names, 0};
    plait_tasks_visit(free_name, &search);
    base_misuse(queue, "queue", place, "freed while %u tasks wait on it: %s", waiting, names);
}

/* Those that sleep in a select are not counted, because they may not touch the queue when they
 * leave. */
static uint32_t waiting_on(struct queue_side *side)
{
    uint32_t counted = atom_load(&side->waiting, ACQUIRE), asleep = wait_sleepers(&side->word);
    return counted > asleep ? counted : asleep;
}

/* The counts were the parent's before a fork. */
static void waits_forget(plait_queue *queue)
{
    queue->feeders = queue->holders = 0;
    queue->items.waiting = queue->room.waiting = queue->finished.waiting = 0;
}

void plait_queue_free(plait_queue *queue)
{
    if (!queue)
        return;
    void *place = __builtin_return_address(0);
    queue_check_any(queue, place);
    if (queue_is_shared(queue) && queue->shared.forks != wait_forks)
        waits_forget(queue);
    queue_unfed(queue);
    uint32_t waiting = waiting_on(&queue->items) + waiting_on(&queue->room) +
                       atom_load(&queue->finished.waiting, ACQUIRE);
    if (waiting)
        free_refuse(queue, waiting, place);
    size_t left = queue_is_shared(queue) ? 0 : queue->kind->size(queue); /* others' still */
    if (left) {
        char name[128];
        base_report(PLAIT_REPORT_DROPPED, "queue %s: freed with %zu items inside",
                    base_name_of(queue, "queue", name, sizeof name), left);
    }
    base_name_forget(queue);
    queue->magic = 0;
    if (atom_or(&queue->holders, QUEUE_FREED, ACQ_REL) == 0)
        queue_destroy(queue);
}
