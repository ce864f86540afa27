/* The notes' own failure: a reader is killed, and in Python the queue is dead with it. Here one is
 * SIGKILLed while it waits in plait_get, another one with an item in hand; a third gets that item
 * again and does the rest. */
#include "page.h"
#include "result.h"
#include "tour.h"

#include <plait.h>

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

enum { ITEMS = 1000, LAST_ITEM = ITEMS / 2 /* of the one that is killed */, CAPACITY = 64 };
static const int64_t NAP = 20 * PLAIT_MILLISECOND; /* long enough to be asleep in plait_get */

struct desk {
    plait_queue *queue;
    _Atomic int done[ITEMS];       /* how often */
    _Atomic int64_t killed, again; /* when, and when the item was out again; 0: not yet */
};

static void work_on(struct desk *desk, int item)
{
    int64_t now = plait_now(), none = 0;
    if (item == LAST_ITEM && atomic_compare_exchange_strong(&desk->killed, &none, now))
        kill(getpid(), SIGKILL);
    if (item == LAST_ITEM)
        atomic_store(&desk->again, now);
    atomic_fetch_add(&desk->done[item], 1);
}

static int read_items(void *arg)
{
    struct desk *desk = arg;
    int item, error;
    while ((error = plait_get(desk->queue, &item, PLAIT_NEVER)) == 0) {
        work_on(desk, item);
        plait_queue_task_done(desk->queue);
    }
    return error == -EPIPE ? 0 : error;
}

static int kill_who_waits(struct desk *desk)
{
    plait_task *reader;
    int error = plait_start(&reader, PLAIT_PROCESS, read_items, desk, NULL);
    if (error)
        return error;
    error = plait_sleep(plait_after(NAP));
    kill(plait_task_pid(reader), SIGKILL);
    plait_join(reader, NULL, PLAIT_NEVER);
    return error;
}

static int put_all(struct desk *desk)
{
    int error = 0;
    for (int item = 0; item < ITEMS && !error; item++)
        error = plait_put(desk->queue, &item, PLAIT_NEVER);
    if (!error)
        error = plait_queue_join(desk->queue, PLAIT_NEVER);
    plait_queue_close(desk->queue);
    return error;
}

static int run(struct desk *desk)
{
    plait_task *readers[2];
    int started = 0, error = kill_who_waits(desk);
    while (!error && started < 2) {
        error = plait_start(&readers[started], PLAIT_PROCESS, read_items, desk, NULL);
        started += !error;
    }
    error = error ? error : put_all(desk);
    if (error)
        plait_queue_close(desk->queue); /* otherwise a reader would wait for ever */
    for (int i = 0; i < started; i++)
        plait_join(readers[i], NULL, PLAIT_NEVER);
    return error;
}

static bool report(const struct desk *desk, int error)
{
    int done = 0;
    for (int i = 0; i < ITEMS; i++)
        done += desk->done[i] == 1;
    bool right = !error && done == ITEMS && desk->again;
    int64_t took = desk->again - desk->killed;
    page_line("a reader SIGKILLed as it waits in plait_get, one with item %d in hand:", LAST_ITEM);
    if (error)
        page_line("%s", plait_strerror(error));
    else
        page_line("%s later the next one gets that item; of %s put %s done once%s", PAGE_TIME(took),
                  PAGE_NUMBER(ITEMS), PAGE_NUMBER(done), right ? "" : ": WRONG");
    result_object("readers_killed");
    result_number("items", ITEMS);
    result_number("done_once", done);
    result_real("seconds_until_again", took / 1e9);
    result_bool("right", right);
    result_end();
    return right;
}

int tour_reader(const struct tour *tour)
{
    struct desk *desk = plait_share(sizeof *desk);
    plait_queue_options options = {.where = PLAIT_SHARED, .redeliver = true};
    if (!desk)
        return page_line("%s", plait_strerror(errno)), 1;
    desk->queue = plait_queue_open(sizeof(int), CAPACITY, &options);
    bool right = report(desk, desk->queue ? run(desk) : -errno);
    plait_queue_free(desk->queue);
    plait_share_free(desk);
    return !right;
}
