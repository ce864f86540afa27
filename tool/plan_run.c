/* A run of a plan. Every job is one piece of one pass. Its worker adds the words to a table that it
 * took when it began and gives back when it ends; the tally is the job's result. A killed worker
 * gives nothing back: its table, in which a piece may stand half, is cleared, and every piece whose
 * result names it is counted again. So nothing is counted twice, and nothing is lost. */
#include "plan.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROUNDS = 3 }; /* the first and two of what was lost: who dies more often is no accident */
static const int64_t YIELD_AFTER = PLAIT_MILLISECOND / 5; /* plait interrupts nobody */

/* ---- a worker */

/* On cache lines of its own, because each word counted is written to it. */
struct seat {
    _Alignas(128) struct tally tally;
    const struct plan *plan;
    struct counter *counter;
    int table;
    int64_t yielded;
};

/* A job's result. */
struct part {
    struct tally tally;
    int table;
    int error; /* of the file: errno's */
};

/* Asked before each read: is there time left? Also the moment to yield, since pieces can be
 * long. */
static bool read_on(void *arg)
{
    struct seat *seat = arg;
    const struct plan *plan = seat->plan;
    int64_t now = plait_now();
    if (now - seat->yielded > YIELD_AFTER) {
        plait_yield();
        seat->yielded = now;
    }
    if (now < plan->deadline)
        return true;
    atomic_store(&plan->shared->stopped, 1);
    return false;
}

static int take_table(const struct plan *plan)
{
    for (int i = 0; i < plan->tables_made; i++)
        if (!atomic_exchange(&plan->shared->taken[i], 1))
            return i;
    return -1;
}

static void leave(void *arg)
{
    struct seat *seat = arg;
    if (!seat)
        return;
    if (seat->table >= 0)
        atomic_store(&seat->plan->shared->taken[seat->table], 0);
    counter_free(seat->counter);
    free(seat);
}

static void *enter(void *arg)
{
    struct seat *seat = aligned_alloc(_Alignof(struct seat), sizeof *seat);
    if (!seat)
        return NULL;
    *seat = (struct seat){.plan = arg, .table = take_table(arg), .yielded = plait_now()};
    seat->counter = counter_open(read_on, seat);
    if (seat->table >= 0 && seat->counter)
        return seat;
    leave(seat);
    return NULL;
}

static uint64_t jobs_of(const struct plan *plan)
{
    return plan->piece_count * plan->passes;
}

static const struct plan_piece *piece_of(const struct plan *plan, uint64_t job)
{
    return &plan->pieces[job % plan->piece_count];
}

/* As it would be at the worst moment: the words are in the table, and nobody knows. */
static void die_if_asked(const struct plan *plan, uint64_t job)
{
    if (plan->kill_one && job == jobs_of(plan) / 2 && !atomic_exchange(&plan->shared->killed, 1))
        kill(getpid(), SIGKILL);
}

static int count_one(struct seat *seat, uint64_t job, struct part *part)
{
    const struct plan *plan = seat->plan;
    const struct plan_piece *piece = piece_of(plan, job);
    if (atomic_load(&plan->shared->stopped))
        return -ECANCELED;
    seat->tally = (struct tally){0};
    int file = walk_open(plan->walk, &plan->walk->files[piece->file]);
    int error = file;
    if (file >= 0) {
        error = count_piece(seat->counter, file, piece->from, piece->to, &seat->tally,
                            plan->tables[seat->table]);
        close(file);
    }
    die_if_asked(plan, job);
    *part = (struct part){seat->tally, seat->table, error == -ECANCELED ? 0 : -error};
    return 0;
}

static int count_job(const void *in, void *out)
{
    struct seat *seat = plait_worker_state();
    return seat ? count_one(seat, *(const long *)in, out) : -ENOMEM;
}

/* ---- in sequence */

struct sum {
    struct tally tally;
    uint64_t files;
};

static void add_part(struct plan *plan, struct sum *sum, uint64_t job, const struct part *part)
{
    const struct plan_piece *piece = piece_of(plan, job);
    sum->tally.lines += part->tally.lines;
    sum->tally.words += part->tally.words;
    sum->tally.bytes += part->tally.bytes;
    sum->files += piece->from == 0;
    if (part->error)
        plan->errors[piece->file] = part->error;
}

static void tell(struct plan *plan, uint64_t done, uint64_t whole)
{
    if (plan->tick)
        plan->tick(plan, done, whole, -1);
}

/* Pass after pass until half a second has gone, because less cannot be measured well. */
static int count_alone(struct plan *plan, struct sum *sum)
{
    int64_t enough = plait_after(PLAIT_SECOND / 2);
    struct seat *seat = enter(plan);
    struct part part;
    if (!seat)
        return -ENOMEM;
    plan->passes = 1;
    for (uint64_t job = 0; job < jobs_of(plan) && count_one(seat, job, &part) == 0; job++) {
        add_part(plan, sum, job, &part);
        tell(plan, job + 1, jobs_of(plan));
        if (job + 1 == jobs_of(plan) && plait_now() < enough)
            plan->passes++;
    }
    leave(seat);
    return 0;
}

/* ---- on a pool */

/* One map and what belongs to it: the jobs 0 .. count - 1, or those in a list. */
struct round {
    struct plan *plan;
    const long *jobs; /* NULL: all */
    size_t count;
    struct part *parts;
    int *errors;
};

static void on_progress(size_t done, size_t total, double seconds_left, void *arg)
{
    struct plan *plan = arg;
    if (plan->tick)
        plan->tick(plan, done, total, seconds_left);
}

/* Without a deadline, since what that cuts off would be in the tables and not in the results:
 * read_on tells the jobs to stop. Workers are forks, because a job finds the plan by its
 * address. */
static int map(struct round *round, plait_carrier carrier, int workers)
{
    plait_start_options forks = {.method = PLAIT_FORK};
    plait_pool_options options = {.name = "count",
                                  .begin = enter,
                                  .end = leave,
                                  .arg = round->plan,
                                  .worker = carrier == PLAIT_PROCESS ? &forks : NULL};
    plait_pool *pool = plait_pool_open(carrier, workers, &options);
    if (!pool)
        return -errno;
    int rc = plait_map(pool, count_job, round->jobs, round->parts, round->count,
                       &(plait_map_options){
                           .errors = round->errors, .on_progress = on_progress, .arg = round->plan},
                       PLAIT_NEVER);
    plait_pool_close(pool, PLAIT_NEVER);
    plait_pool_free(pool);
    return rc < 0 ? rc : 0;
}

/* A run's jobs by number, whichever round they were done in. */
struct parts {
    struct part *part;
    int *error; /* 0: done; -ECANCELED: no time for it; else of the last try */
    long *lost; /* the jobs of the next round */
    size_t lost_count;
};

static bool is_lost(const struct plan *plan, const struct parts *parts, size_t job)
{
    if (parts->error[job])
        return parts->error[job] != -ECANCELED;
    return atomic_load(&plan->shared->taken[parts->part[job].table]);
}

/* After the pool has ended: whoever still has a table is dead. */
static void find_lost(struct plan *plan, struct parts *parts)
{
    parts->lost_count = 0;
    for (size_t job = 0; job < jobs_of(plan); job++)
        if (is_lost(plan, parts, job))
            parts->lost[parts->lost_count++] = (long)job;
    for (int i = 0; i < plan->tables_made; i++)
        if (atomic_exchange(&plan->shared->taken[i], 0))
            table_clear(plan->tables[i]);
}

static int count_lost(struct plan *plan, struct parts *parts, plait_carrier carrier, int workers)
{
    size_t count = parts->lost_count;
    struct part *part = calloc(count, sizeof *part);
    int *error = calloc(count, sizeof *error), rc = -ENOMEM;
    if (part && error)
        rc = map(&(struct round){plan, parts->lost, count, part, error}, carrier, workers);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        parts->part[parts->lost[i]] = part[i];
        parts->error[parts->lost[i]] = error[i];
    }
    free(part);
    free(error);
    return rc;
}

static int count_by_map(struct plan *plan, struct parts *parts, plait_carrier carrier, int workers,
                        struct plan_result *result)
{
    size_t count = jobs_of(plan);
    int rc =
        map(&(struct round){plan, PLAIT_RANGE, count, parts->part, parts->error}, carrier, workers);
    for (int round = 1; rc == 0; round++) {
        find_lost(plan, parts);
        if (!parts->lost_count)
            break;
        result->again += parts->lost_count;
        rc = round < ROUNDS ? count_lost(plan, parts, carrier, workers)
                            : parts->error[parts->lost[0]] ?: -ECHILD;
    }
    return rc;
}

static int count_together(struct plan *plan, plait_carrier carrier, int workers, struct sum *sum,
                          struct plan_result *result)
{
    size_t count = jobs_of(plan);
    struct parts parts = {.part = calloc(count, sizeof *parts.part),
                          .error = calloc(count, sizeof *parts.error),
                          .lost = calloc(count, sizeof *parts.lost)};
    int rc = -ENOMEM;
    if (parts.part && parts.error && parts.lost)
        rc = count_by_map(plan, &parts, carrier, workers, result);
    for (size_t job = 0; rc == 0 && job < count; job++)
        if (!parts.error[job])
            add_part(plan, sum, job, &parts.part[job]);
    free(parts.part);
    free(parts.error);
    free(parts.lost);
    return rc;
}

/* ---- a run */

static void clear(struct plan *plan)
{
    memset(plan->shared, 0, sizeof *plan->shared);
    memset(plan->errors, 0, plan->walk->file_count * sizeof *plan->errors);
    for (int i = 0; i < plan->tables_made; i++)
        table_clear(plan->tables[i]);
}

/* Every pass must have found the same; when files change meanwhile that is unlikely to divide
 * without rest. */
static bool divide(struct plan_result *result, const struct sum *sum, uint64_t passes)
{
    result->read = sum->tally.bytes;
    result->files = sum->files / passes;
    result->total = (struct tally){sum->tally.lines / passes, sum->tally.words / passes,
                                   sum->tally.bytes / passes};
    return sum->files % passes == 0 && sum->tally.lines % passes == 0 &&
           sum->tally.words % passes == 0 && sum->tally.bytes % passes == 0;
}

static void find_top(const struct plan *plan, struct plan_result *result)
{
    const struct table *tables[PLAN_TABLES];
    result->exact = true;
    for (int i = 0; i < plan->tables_made; i++) {
        tables[i] = plan->tables[i];
        result->exact = result->exact && tables[i]->lost == 0;
    }
    result->top_count = top_words(tables, plan->tables_made, result->top);
    for (int i = 0; i < result->top_count; i++)
        result->top[i].count /= plan->passes;
}

void plan_run(struct plan *plan, plait_carrier carrier, int workers, struct plan_result *result)
{
    struct sum sum = {.files = 0};
    *result = (struct plan_result){.failed = 0};
    clear(plan);
    struct crew_clock start = crew_clock_start();
    result->failed = carrier == CREW_SEQUENCE
                         ? count_alone(plan, &sum)
                         : count_together(plan, carrier, workers, &sum, result);
    find_top(plan, result);
    result->used = crew_clock_since(start);
    result->stopped = atomic_load(&plan->shared->stopped);
    result->killed = atomic_load(&plan->shared->killed);
    result->whole = divide(result, &sum, plan->passes) && !result->stopped && !result->failed;
}
