/* A hundred thousand coroutines asleep at the same moment: how long it takes and how much memory it
 * is. */
#include "json.h"
#include "page.h"
#include "tour.h"

#include <plait.h>

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum { SLEEPERS = 100000, COST = 8192 /* bytes that one may take, with a margin */ };

struct dormitory {
    _Atomic int asleep, woken;
};

static int sleep_once(void *arg)
{
    struct dormitory *dormitory = arg;
    atomic_fetch_add(&dormitory->asleep, 1);
    int error = plait_sleep(plait_after(PLAIT_SECOND));
    atomic_fetch_add(&dormitory->woken, error == 0);
    return error;
}

/* Kilobytes of memory and of page tables; 0 where /proc does not tell. */
static uint64_t kilobytes(void)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    unsigned long value, sum = 0;
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmRSS: %lu", &value) == 1 || sscanf(line, "VmPTE: %lu", &value) == 1)
            sum += value;
    if (file)
        fclose(file);
    return sum;
}

/* Fewer where the machine's free memory would not hold them, because a tour must not have other
 * programs killed. */
static int affordable(void)
{
    long pages = sysconf(_SC_AVPHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    int64_t most = (int64_t)pages * size / 2 / COST;
    return pages <= 0 || most > SLEEPERS ? SLEEPERS : (int)most;
}

struct night {
    int started, asleep, error;
    uint64_t memory; /* bytes */
    int64_t starting, whole;
};

static void spend(struct night *night, int count, struct dormitory *dormitory)
{
    uint64_t before = kilobytes();
    int64_t begin = plait_now();
    while (night->started < count && !night->error) {
        night->error = plait_start(NULL, PLAIT_COROUTINE, sleep_once, dormitory, NULL);
        night->started += !night->error;
    }
    int64_t end = plait_after(PLAIT_SECOND / 2);
    while (atomic_load(&dormitory->asleep) < night->started && plait_now() < end)
        if (plait_sleep(plait_after(PLAIT_MILLISECOND)) < 0)
            break;
    night->starting = plait_now() - begin;
    night->asleep = atomic_load(&dormitory->asleep) - atomic_load(&dormitory->woken);
    night->memory = (kilobytes() - before) * 1024;
    plait_join_all(PLAIT_NEVER);
    night->whole = plait_now() - begin;
}

static void report_json(const struct night *night, bool right)
{
    json_object("sleepers");
    json_number("count", night->started);
    json_number("asleep_at_once", night->asleep);
    json_real("start_seconds", night->starting / 1e9);
    json_real("seconds", night->whole / 1e9);
    json_number("memory_bytes", night->memory);
    json_bool("right", right);
    json_end();
}

int tour_sleepers(const struct tour *tour)
{
    struct dormitory dormitory = {0};
    struct night night = {.started = 0};
    int count = affordable();
    page_progress(0, 1, "starting coroutines");
    spend(&night, count, &dormitory);
    bool right = !night.error && dormitory.woken == count;
    page_line("%s coroutines that sleep for 1 s each: %s asleep at once after %s,",
              PAGE_NUMBER(night.started), PAGE_NUMBER(night.asleep), PAGE_TIME(night.starting));
    page_line("all awake after %s; %s of memory, %s bytes each", PAGE_TIME(night.whole),
              PAGE_BYTES(night.memory),
              PAGE_NUMBER(night.asleep > 0 ? night.memory / night.asleep : 0));
    if (!right)
        page_line("%s", night.error ? plait_strerror(night.error) : "NOT ALL WOKE");
    report_json(&night, right);
    return !right;
}
