/* The notes' table: the same tasks one after the other and on each carrier, once computing and
 * once waiting. */
#include "crew.h"
#include "page.h"
#include "result.h"
#include "tour.h"

#include <stdio.h>

enum { CALIBRATION = 2000000, YIELD_EACH = 1 << 16 };
static const int64_t COMPUTE = 150 * PLAIT_MILLISECOND, WAIT_STEP = 10 * PLAIT_MILLISECOND;
enum { WAIT_STEPS = 15 };

/* Steps that neither the compiler nor the CPU can do ahead of each other. Who computes for long
 * lets others run now and then, because plait interrupts nobody. */
static uint64_t compute(uint64_t steps)
{
    uint64_t value = steps | 1;
    for (uint64_t i = 0; i < steps; i++) {
        if (i % YIELD_EACH == YIELD_EACH - 1)
            plait_yield();
        value ^= value << 13;
        value ^= value >> 7;
        value ^= value << 17;
    }
    return value;
}

static int compute_task(void *steps)
{
    /* volatile, because otherwise the compiler leaves the work out */
    volatile uint64_t result = compute(*(const uint64_t *)steps);
    (void)result;
    return 0;
}

static int wait_task(void *arg)
{
    int error = 0;
    for (int i = 0; i < WAIT_STEPS && !error; i++)
        error = plait_sleep(plait_after(WAIT_STEP));
    return error;
}

static uint64_t steps_for(int64_t duration)
{
    int64_t best = INT64_MAX;
    for (int i = 0; i < 3; i++) {
        uint64_t steps = CALIBRATION;
        int64_t begin = plait_now();
        compute_task(&steps);
        int64_t took = plait_now() - begin;
        best = took < best ? took : best;
    }
    return (uint64_t)((double)duration / (best > 0 ? best : 1) * CALIBRATION);
}

/* What the notes measured with Python's interpreter lock, in seconds; they have no line for
 * coroutines. */
static const struct {
    double compute, wait;
} notes[CREW_CARRIERS] = {
    [CREW_SEQUENCE] = {8.69, 4.22}, [PLAIT_THREAD] = {8.57, 4.17}, [PLAIT_PROCESS] = {4.01, 2.19}};

struct row {
    int64_t compute, wait;
    int failed;
};

static struct row measure(plait_carrier carrier, int tasks, uint64_t *steps)
{
    struct row row = {.failed = 0};
    int64_t begin = plait_now();
    row.failed = crew_run(&(struct crew){carrier, tasks, compute_task, (char *)steps, 0});
    int64_t middle = plait_now();
    int failed = crew_run(&(struct crew){carrier, tasks, wait_task, NULL, 0});
    row.failed = row.failed ? row.failed : failed;
    row.compute = middle - begin;
    row.wait = plait_now() - middle;
    return row;
}

static void report_notes(plait_carrier carrier, char text[48])
{
    if (!notes[carrier].compute) {
        snprintf(text, 48, "    -             -");
        return;
    }
    snprintf(text, 48, "%5.2f s %.2f x  %5.2f s %.2f x", notes[carrier].compute,
             notes[0].compute / notes[carrier].compute, notes[carrier].wait,
             notes[0].wait / notes[carrier].wait);
}

static void report_json(plait_carrier carrier, const struct row *row, const struct row *first)
{
    result_object(NULL);
    result_text("carrier", crew_name(carrier));
    result_real("compute_seconds", row->compute / 1e9);
    result_real("compute_speedup", (double)first->compute / row->compute);
    result_real("wait_seconds", row->wait / 1e9);
    result_real("wait_speedup", (double)first->wait / row->wait);
    if (notes[carrier].compute) {
        result_real("notes_compute_speedup", notes[0].compute / notes[carrier].compute);
        result_real("notes_wait_speedup", notes[0].wait / notes[carrier].wait);
    }
    result_end();
}

static int report(plait_carrier carrier, const struct row *row, const struct row *first)
{
    char theirs[48];
    report_notes(carrier, theirs);
    if (row->failed)
        page_line("%-10s %s", crew_name(carrier), plait_strerror(row->failed));
    else
        page_line("%-10s %8s %.2f x %8s %.2f x  | %s", crew_name(carrier), PAGE_TIME(row->compute),
                  (double)first->compute / row->compute, PAGE_TIME(row->wait),
                  (double)first->wait / row->wait, theirs);
    report_json(carrier, row, first);
    return row->failed != 0;
}

int tour_timing(const struct tour *tour)
{
    static const plait_carrier order[] = {CREW_SEQUENCE, PLAIT_THREAD, PLAIT_PROCESS,
                                          PLAIT_COROUTINE};
    int tasks = tour->workers < 2 ? 2 : tour->workers, failed = 0;
    uint64_t steps = steps_for(COMPUTE);
    struct row first = {.failed = 0};
    page_title("1  %d tasks that compute for %s each, or wait so long", tasks, PAGE_TIME(COMPUTE));
    page_line("%-10s %15s %15s  | %14s  %14s", "", "computing", "waiting", "notes: compute",
              "wait (Python)");
    result_object("timing");
    result_number("tasks", tasks);
    result_array("rows");
    for (int i = 0; i < 4; i++) {
        page_progress(i, 4, crew_name(order[i]));
        struct row row = measure(order[i], tasks, &steps);
        first = i ? first : row;
        failed |= report(order[i], &row, &first);
    }
    result_end();
    result_end();
    return failed;
}
