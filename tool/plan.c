#include "plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 4 << 20, SLOTS_LEAST = 4096, SLOTS_MOST = 4 << 20, TEXT_LEAST = 64 << 10 };
static const int64_t YIELD_AFTER = PLAIT_MILLISECOND / 5; /* plait interrupts nobody */
static const uint64_t MEMORY_MOST = UINT64_C(1) << 30;    /* for the tables of all workers */

static uint64_t pieces_of(uint64_t size)
{
    return size <= PIECE ? 1 : (size + PIECE - 1) / PIECE;
}

/* The last piece of each file goes on to its end, because the file may have grown since the
 * walk. */
static int cut(struct plan *plan)
{
    const struct walk *walk = plan->walk;
    uint64_t count = 0;
    for (size_t i = 0; i < walk->file_count; i++)
        count += pieces_of(walk->files[i].size);
    plan->pieces = malloc((count ? count : 1) * sizeof *plan->pieces);
    if (!plan->pieces)
        return -ENOMEM;
    for (size_t i = 0; i < walk->file_count; i++) {
        uint64_t last = pieces_of(walk->files[i].size) - 1;
        for (uint64_t p = 0; p <= last; p++)
            plan->pieces[plan->piece_count++] =
                (struct plan_piece){i, p * PIECE, p < last ? (p + 1) * PIECE : COUNT_TO_END};
    }
    return 0;
}

static uint64_t power_of_two(uint64_t least)
{
    uint64_t power = SLOTS_LEAST;
    while (power < least && power < SLOTS_MOST)
        power *= 2;
    return power;
}

static int add_table(struct plan *plan, uint64_t slots, uint64_t text)
{
    void *memory = plait_share(table_size(slots, text));
    if (!memory)
        return -ENOMEM;
    plan->tables[plan->tables_made++] = table_init(memory, slots, text);
    return 0;
}

int plan_make(struct plan *plan, const struct walk *walk)
{
    *plan = (struct plan){.walk = walk, .deadline = PLAIT_NEVER};
    plan->shared = plait_share(sizeof *plan->shared);
    plan->errors = plait_share((walk->file_count + 1) * sizeof *plan->errors);
    if (!plan->shared || !plan->errors || cut(plan) < 0)
        return -ENOMEM;
    uint64_t slots = power_of_two(walk->bytes / 4), text = walk->bytes + TEXT_LEAST;
    if (text > slots * sizeof(struct table_slot))
        text = slots * sizeof(struct table_slot);
    return add_table(plan, slots, text < TEXT_LEAST ? TEXT_LEAST : text);
}

/* As large as the first table has become, because no worker meets more words than that one did
 * alone; where it was stopped, or files change, a table forgets some. */
int plan_add_tables(struct plan *plan, int count)
{
    const struct table *first = plan->tables[0];
    uint64_t slots = power_of_two(first->used * 2 + 2), text = first->text_used + TEXT_LEAST;
    int error = 0;
    for (; slots > SLOTS_LEAST && table_size(slots, text) * count > MEMORY_MOST; slots /= 2)
        text = text / 2 + TEXT_LEAST / 2;
    while (!error && plan->tables_made < count)
        error = add_table(plan, slots, text);
    return error;
}

void plan_free(struct plan *plan)
{
    for (int i = 0; i < plan->tables_made; i++)
        plait_share_free(plan->tables[i]);
    plait_share_free(plan->errors);
    plait_share_free(plan->shared);
    free(plan->pieces);
    *plan = (struct plan){0};
}

static void draw_bar(void *arg)
{
    const struct plan *plan = arg;
    if (plan->tick)
        plan->tick(plan);
}

/* ---- a worker */

/* On cache lines of its own, because each word counted is written to it. */
struct seat {
    _Alignas(128) const struct plan *plan;
    int number;
    bool draws; /* it runs in the task that owns the page; two must not draw */
    int64_t yielded;
    uint64_t told; /* bytes of `part` that the bar knows */
    struct plan_share part;
};

/* Asked before each read: is there time left? Also the moment to draw and to yield, since pieces
 * can be long. */
static bool read_on(void *arg)
{
    struct seat *seat = arg;
    const struct plan *plan = seat->plan;
    int64_t now = plait_now();
    atomic_fetch_add_explicit(&plan->shared->bytes, seat->part.tally.bytes - seat->told,
                              memory_order_relaxed);
    seat->told = seat->part.tally.bytes;
    if (seat->draws)
        draw_bar((void *)plan);
    if (now - seat->yielded > YIELD_AFTER) {
        plait_yield();
        seat->yielded = now;
    }
    if (now < plan->deadline)
        return true;
    atomic_store(&plan->shared->stopped, 1);
    return false;
}

static void count_one(struct seat *seat, const struct plan_piece *piece, struct counter *counter)
{
    const struct plan *plan = seat->plan;
    int file = walk_open(plan->walk, &plan->walk->files[piece->file]);
    int error = file;
    if (file >= 0) {
        error = count_piece(counter, file, piece->from, piece->to, &seat->part.tally,
                            plan->tables[seat->number]);
        close(file);
    }
    if (error < 0 && error != -ECANCELED)
        plan->errors[piece->file] = -error;
    seat->part.files += piece->from == 0;
}

static int work(void *arg)
{
    struct seat *seat = arg;
    const struct plan *plan = seat->plan;
    uint64_t whole = plan->piece_count * plan->passes, next;
    struct counter *counter = counter_open(read_on, seat);
    if (!counter)
        return -ENOMEM;
    seat->yielded = plait_now();
    while (!atomic_load(&plan->shared->stopped) &&
           (next = atomic_fetch_add(&plan->shared->next, 1)) < whole)
        count_one(seat, &plan->pieces[next % plan->piece_count], counter);
    counter_free(counter);
    /* Once, because lines of shared memory that all write are slow. */
    plan->shared->part[seat->number] = seat->part;
    return 0;
}

/* ---- a run */

static void clear(struct plan *plan, int workers)
{
    memset(plan->shared, 0, sizeof *plan->shared);
    memset(plan->errors, 0, plan->walk->file_count * sizeof *plan->errors);
    for (int i = 0; i < workers; i++)
        table_clear(plan->tables[i]);
}

static int run_passes(struct plan *plan, plait_carrier carrier, int workers)
{
    struct seat seats[PLAN_WORKERS];
    for (int i = 0; i < workers; i++)
        seats[i] = (struct seat){.plan = plan, .number = i, .draws = carrier == CREW_SEQUENCE};
    return crew_run(
        &(struct crew){carrier, workers, work, (char *)seats, sizeof *seats, draw_bar, plan});
}

static void add_parts(const struct plan *plan, int workers, struct plan_share *sum)
{
    for (int i = 0; i < workers; i++) {
        const struct plan_share *part = &plan->shared->part[i];
        sum->files += part->files;
        sum->tally.lines += part->tally.lines;
        sum->tally.words += part->tally.words;
        sum->tally.bytes += part->tally.bytes;
    }
}

/* Pass after pass until half a second has gone, because less cannot be measured well. */
static int run_long_enough(struct plan *plan, plait_carrier carrier, struct plan_share *sum)
{
    int64_t enough = plait_after(PLAIT_SECOND / 2);
    uint64_t passes = 0;
    int failed;
    plan->passes = 1;
    do {
        atomic_store(&plan->shared->next, 0);
        failed = run_passes(plan, carrier, 1);
        add_parts(plan, 1, sum);
        passes++;
    } while (!failed && plait_now() < enough && !atomic_load(&plan->shared->stopped));
    plan->passes = passes;
    return failed;
}

/* Every pass must have found the same; when files change meanwhile that is unlikely to divide
 * without rest. */
static bool divide(struct plan_result *result, const struct plan_share *sum, uint64_t passes)
{
    result->read = sum->tally.bytes;
    result->files = sum->files / passes;
    result->total = (struct tally){sum->tally.lines / passes, sum->tally.words / passes,
                                   sum->tally.bytes / passes};
    return sum->files % passes == 0 && sum->tally.lines % passes == 0 &&
           sum->tally.words % passes == 0 && sum->tally.bytes % passes == 0;
}

static void find_top(const struct plan *plan, int workers, struct plan_result *result)
{
    const struct table *tables[PLAN_WORKERS];
    result->exact = true;
    for (int i = 0; i < workers; i++) {
        tables[i] = plan->tables[i];
        result->exact = result->exact && tables[i]->lost == 0;
    }
    result->top_count = top_words(tables, workers, result->top);
    for (int i = 0; i < result->top_count; i++)
        result->top[i].count /= plan->passes;
}

void plan_run(struct plan *plan, plait_carrier carrier, int workers, struct plan_result *result)
{
    struct plan_share sum = {.files = 0};
    *result = (struct plan_result){.failed = 0};
    clear(plan, workers);
    struct crew_clock start = crew_clock_start();
    if (plan->passes) {
        result->failed = run_passes(plan, carrier, workers);
        add_parts(plan, workers, &sum);
    } else {
        result->failed = run_long_enough(plan, carrier, &sum);
    }
    find_top(plan, workers, result);
    result->used = crew_clock_since(start);
    result->whole = divide(result, &sum, plan->passes) && !atomic_load(&plan->shared->stopped) &&
                    !result->failed;
}
