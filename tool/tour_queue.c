/* A producer and a consumer with a short queue between them, for a quarter of a second: what is put
 * comes out once and in order. */
#include "crew.h"
#include "page.h"
#include "result.h"
#include "tour.h"

#include <errno.h>

enum { CAPACITY = 64, LOOK_EACH = 64 /* items between two looks at the clock */ };
static const int64_t DURATION = PLAIT_SECOND / 4;

struct line {
    plait_queue *queue;
    int64_t end;
    uint64_t put, got;
    bool in_order;
};

static int produce(void *arg)
{
    struct line *line = arg;
    int error = 0;
    for (uint64_t item = 0; !error && (item % LOOK_EACH || plait_now() < line->end); item++) {
        error = plait_put(line->queue, &item, PLAIT_NEVER);
        line->put += !error;
    }
    plait_queue_close(line->queue);
    return error;
}

static int consume(void *arg)
{
    struct line *line = arg;
    uint64_t item;
    int error;
    line->in_order = true;
    while ((error = plait_get(line->queue, &item, PLAIT_NEVER)) == 0)
        line->in_order = line->in_order && item == line->got++;
    return error == -EPIPE ? 0 : error;
}

static int run(struct line *line, plait_carrier from, plait_carrier to)
{
    plait_task *producer, *consumer;
    int made = 0, taken = 0, error = plait_start(&producer, from, produce, line, NULL);
    if (error)
        return error;
    error = plait_start(&consumer, to, consume, line, NULL);
    if (error)
        plait_queue_close(line->queue); /* otherwise the producer would wait for ever */
    plait_join(producer, &made, PLAIT_NEVER);
    if (!error)
        plait_join(consumer, &taken, PLAIT_NEVER);
    return error ? error : made ? made : taken;
}

static void report_json(plait_carrier from, plait_carrier to, uint64_t items, int64_t took,
                        bool right)
{
    result_object(NULL);
    result_text("producer", crew_name(from));
    result_text("consumer", crew_name(to));
    result_number("items", items);
    result_real("seconds", took / 1e9);
    result_bool("right", right);
    result_end();
}

static int report(plait_carrier from, plait_carrier to, const char *words)
{
    struct line line = {.queue = plait_queue_open(sizeof(uint64_t), CAPACITY, NULL),
                        .end = plait_after(DURATION)};
    if (!line.queue)
        return page_line("%s: %s", words, plait_strerror(errno)), 1;
    int64_t begin = plait_now();
    int error = run(&line, from, to);
    int64_t took = plait_now() - begin;
    bool right = !error && line.got == line.put && line.in_order;
    plait_queue_free(line.queue);
    page_line("%-23s %11s items, %7s each, %s", words, PAGE_NUMBER(line.got),
              PAGE_TIME(line.got ? took / (int64_t)line.got : took),
              error   ? plait_strerror(error)
              : right ? "all in order"
                      : "NOT ALL, OR NOT IN ORDER");
    report_json(from, to, line.got, took, right);
    return !right;
}

int tour_queue(const struct tour *tour)
{
    page_title("4  A producer, a queue for %d items, a consumer; killed readers; 100,000 sleepers",
               CAPACITY);
    result_array("queue");
    int failed = report(PLAIT_THREAD, PLAIT_THREAD, "thread to thread");
    failed |= report(PLAIT_COROUTINE, PLAIT_COROUTINE, "coroutine to coroutine");
    failed |= report(PLAIT_THREAD, PLAIT_COROUTINE, "thread to coroutine");
    result_end();
    return failed;
}
