/* A hundred thousand coroutines asleep at the same moment: how long it takes and how much memory it
 * is. They live in a process of their own, because a child started later would inherit their pages
 * and take longer to start and to die. */
#include "crew.h"
#include "page.h"
#include "result.h"
#include "tour.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum { SLEEPERS = 100000, COST = 8192 /* bytes that one may take, with a margin */ };

struct night { /* in shared memory */
    int count, started, error, asleep_at_once;
    _Atomic int asleep, woken;
    _Atomic bool all_asleep;
    uint64_t memory; /* bytes */
    int64_t starting, whole;
};

/* A second at a time, and again until the last has fallen asleep, otherwise a slow machine would
 * never have all of them asleep at once. */
static int sleep_by_the_second(void *arg)
{
    struct night *night = arg;
    int error = 0;
    atomic_fetch_add(&night->asleep, 1);
    do
        error = plait_sleep(plait_after(PLAIT_SECOND));
    while (!error && !atomic_load(&night->all_asleep));
    atomic_fetch_add(&night->woken, error == 0);
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

static int spend(void *arg)
{
    struct night *night = arg;
    uint64_t before = kilobytes();
    int64_t begin = plait_now();
    while (night->started < night->count && !night->error) {
        night->error = plait_start(NULL, PLAIT_COROUTINE, sleep_by_the_second, night, NULL);
        night->started += !night->error;
    }
    int64_t end = plait_after(10 * PLAIT_SECOND);
    while (atomic_load(&night->asleep) < night->started && plait_now() < end)
        if (plait_sleep(plait_after(PLAIT_MILLISECOND)) < 0)
            break;
    night->starting = plait_now() - begin;
    night->asleep_at_once = atomic_load(&night->asleep) - atomic_load(&night->woken);
    night->memory = (kilobytes() - before) * 1024;
    atomic_store(&night->all_asleep, true);
    plait_join_all(PLAIT_NEVER); /* who did not wake as it must is missed in `woken` */
    night->whole = plait_now() - begin;
    return 0;
}

static void report_json(const struct night *night, bool right)
{
    result_object("sleepers");
    result_number("count", night->started);
    result_number("asleep_at_once", night->asleep_at_once);
    result_real("start_seconds", night->starting / 1e9);
    result_real("seconds", night->whole / 1e9);
    result_number("memory_bytes", night->memory);
    result_bool("right", right);
    result_end();
}

static void report(const struct night *night, int failed)
{
    uint64_t each = night->asleep_at_once > 0 ? night->memory / night->asleep_at_once : 0;
    page_line("%s coroutines asleep at once after %s, a second at a time; all awake",
              PAGE_NUMBER(night->asleep_at_once), PAGE_TIME(night->starting));
    page_line("after %s; %s of memory, %s bytes each", PAGE_TIME(night->whole),
              PAGE_BYTES(night->memory), PAGE_NUMBER(each));
    if (night->error)
        page_line("(%s were wanted, but: %s; see guard in: plait doctor)", PAGE_NUMBER(SLEEPERS),
                  plait_strerror(night->error));
    if (failed)
        page_line("%s", failed < 0 ? plait_strerror(failed) : "NOT ALL WOKE");
    report_json(night, !failed);
}

int tour_sleepers(const struct tour *tour)
{
    struct night *night = plait_share(sizeof *night);
    if (!night)
        return page_line("no shared memory"), 1;
    night->count = affordable();
    page_progress(0, 1, "starting coroutines");
    int failed = crew_run(&(struct crew){PLAIT_PROCESS, 1, spend, (char *)night, 0});
    bool few = night->error && night->error != -ENOMEM; /* less memory, fewer sleepers */
    if (!failed && (few || night->started == 0 || night->woken != night->started))
        failed = 1;
    report(night, failed);
    plait_share_free(night);
    return failed != 0;
}
