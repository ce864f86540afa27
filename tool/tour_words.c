/* A real job: the words of all files of a tree, by one task and by several of each carrier, the
 * same result from all. */
#include "escape.h"
#include "page.h"
#include "plan.h"
#include "result.h"
#include "tour.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { RUNS = 5, FAILURES_SHOWN = 20 };
static int64_t time_most; /* of part 2 in all: --seconds */
static const plait_carrier order[CREW_CARRIERS] = {CREW_SEQUENCE, PLAIT_THREAD, PLAIT_PROCESS,
                                                   PLAIT_COROUTINE};

/* A run's result with its words copied, since the next run clears the tables. */
struct kept {
    struct plan_result result;
    uint8_t texts[TOP_MOST][TABLE_LONGEST + 16];
};

struct words {
    const struct tour *tour;
    struct walk walk;
    struct plan plan;
    int64_t begin;
    int64_t cold; /* what the first reading took when it waited for the disk; 0: it did not */
    double once;  /* MB/s of the run in sequence */
    struct kept
        best;     /* of the first whole run, or the one that read most: what others must equal */
    bool changed; /* files changed meanwhile */
    int failed;
};

/* ---- progress */

static bool walk_goes_on(const struct walk *walk, void *begin)
{
    char words[80];
    snprintf(words, sizeof words, "looking for files: %s", PAGE_NUMBER(walk->file_count));
    page_progress(walk->folders_done, walk->folder_count, words);
    return plait_now() - *(int64_t *)begin < time_most / 4;
}

static const char *running;

static void show_progress(const struct plan *plan, uint64_t done, uint64_t whole,
                          double seconds_left)
{
    char words[80];
    int used = snprintf(words, sizeof words, "%s: %s of %s", running, PAGE_NUMBER(done),
                        PAGE_NUMBER(whole));
    if (seconds_left >= 0)
        snprintf(words + used, sizeof words - used, ", %.1f s left", seconds_left);
    page_progress(done, whole, words);
}

/* ---- one run */

static double megabytes_per_second(const struct plan_result *result)
{
    return result->used.time ? result->read * 1e3 / result->used.time : 0;
}

static bool is_same(const struct plan_result *a, const struct plan_result *b)
{
    if (a->files != b->files || a->total.lines != b->total.lines ||
        a->total.words != b->total.words || a->total.bytes != b->total.bytes)
        return false;
    if (!a->exact || !b->exact)
        return true;
    for (int i = 0; i < a->top_count; i++)
        if (a->top_count != b->top_count || a->top[i].count != b->top[i].count ||
            a->top[i].length != b->top[i].length ||
            memcmp(a->top[i].text, b->top[i].text, a->top[i].length))
            return false;
    return true;
}

/* The tree again, as the walk saw it: has a file changed, come or gone since? */
static bool tree_changed(struct words *words)
{
    struct walk again = {.go_on = words->walk.go_on, .arg = words->walk.arg};
    if (!words->changed && walk_tree(&again, words->tour->directory) == 0)
        words->changed = again.stamp != words->walk.stamp;
    walk_free(&again);
    return words->changed;
}

/* How the run ended, in a word or two; another result than the first is a failure unless the files
 * are other files by now. */
static const char *judge(struct words *words, const struct plan_result *result, bool reference)
{
    const struct plan_result *best = &words->best.result;
    if (result->failed)
        return words->failed++, plait_strerror(result->failed);
    if (result->stopped)
        return "stopped: time over";
    if (result->whole && is_same(best, result))
        return reference ? "" : "same result";
    if (tree_changed(words))
        return "files changed";
    return words->failed++, "ANOTHER RESULT";
}

static void report_json(const struct words *words, plait_carrier carrier, int workers,
                        const struct plan_result *result)
{
    result_object(NULL);
    result_text("carrier", crew_name(carrier));
    result_number("workers", workers);
    result_real("seconds", result->used.time / 1e9);
    result_real("cpu_seconds", result->used.cpu / 1e9);
    result_real("megabytes_per_second", megabytes_per_second(result));
    result_real("speedup", megabytes_per_second(result) / words->once);
    result_number("lines", result->total.lines);
    result_number("words", result->total.words);
    result_number("bytes", result->total.bytes);
    result_bool("whole", result->whole);
    result_bool("same", result->whole && is_same(&words->best.result, result));
    result_end();
}

static void report_line(struct words *words, const char *name, const struct plan_result *result,
                        bool reference)
{
    double speed = megabytes_per_second(result);
    char times[32] = "";
    if (name != crew_name(CREW_SEQUENCE) && words->once > 0)
        snprintf(times, sizeof times, "%.2f x", speed / words->once);
    page_line("%-11s %8s %8s CPU %6.0f MB/s %8s  %s", name, PAGE_TIME(result->used.time),
              PAGE_TIME(result->used.cpu), speed, times, judge(words, result, reference));
}

static void keep(struct kept *kept, const struct plan_result *result)
{
    kept->result = *result;
    for (int i = 0; i < result->top_count; i++) {
        memcpy(kept->texts[i], result->top[i].text, result->top[i].length);
        kept->result.top[i].text = kept->texts[i];
    }
}

/* When run `i` must end: the first may take two fifths, since it works alone; what one run leaves
 * of its share the next ones may use. */
static int64_t end_of_run(const struct words *words, int i)
{
    int64_t now = plait_now(), left = words->begin + time_most - now;
    return now + (i == 0 ? left * 2 / 5 : left / (RUNS - i));
}

/* Runs it again when it read from the disk, otherwise the first run would look slow and the others
 * quick. */
static void run_first(struct words *words, struct plan_result *result)
{
    words->plan.deadline = end_of_run(words, 0);
    plan_run(&words->plan, CREW_SEQUENCE, 1, result);
    bool cold = result->used.disk > (int64_t)(words->walk.bytes / 10);
    if (cold && result->whole && result->used.time < time_most / RUNS) {
        words->cold = result->used.time;
        plan_run(&words->plan, CREW_SEQUENCE, 1, result);
    }
    words->once = megabytes_per_second(result);
}

/* The `i`th run, with one table more than workers: for who takes the place of a killed one. */
static void run(struct words *words, int i, plait_carrier carrier, struct plan_result *result)
{
    words->plan.deadline = end_of_run(words, i);
    if (plan_add_tables(&words->plan, words->tour->workers + 1) < 0)
        *result = (struct plan_result){.failed = -ENOMEM};
    else
        plan_run(&words->plan, carrier, words->tour->workers, result);
}

static void run_all(struct words *words)
{
    int workers = words->tour->workers;
    struct plan_result result;
    result_array("runs");
    for (int i = 0; i < CREW_CARRIERS; i++) {
        running = crew_name(order[i]);
        if (i == 0)
            run_first(words, &result);
        else
            run(words, i, order[i], &result);
        const struct plan_result *best = &words->best.result;
        bool better = result.whole || result.total.bytes > best->total.bytes;
        bool reference = i == 0 || (!best->whole && better);
        if (reference)
            keep(&words->best, &result);
        report_line(words, running, &result, reference);
        report_json(words, order[i], i ? workers : 1, &result);
    }
    result_end();
}

static void tell_killed(const struct words *words, const struct plan_result *result,
                        const char *report)
{
    uint64_t pieces = words->plan.piece_count * words->plan.passes;
    if (result->killed) {
        page_line("(%s;", report);
        page_line("with it went the words of %s of %s pieces, counted again)",
                  PAGE_NUMBER(result->again), PAGE_NUMBER(pieces));
    }
    result_object("one_killed");
    result_number("workers", words->tour->workers);
    result_bool("killed", result->killed);
    result_number("counted_again", result->again);
    result_real("seconds", result->used.time / 1e9);
    result_bool("whole", result->whole);
    result_bool("same", result->whole && is_same(&words->best.result, result));
    result_end();
}

/* The processes once more; the one that has counted the piece in the middle is killed before it can
 * tell. */
static void run_killed(struct words *words)
{
    static char report[TOUR_REPORT];
    struct plan_result result;
    running = "one killed";
    words->plan.kill_one = true;
    tour_await_report(report);
    run(words, CREW_CARRIERS, PLAIT_PROCESS, &result);
    tour_await_report(NULL);
    report_line(words, running, &result, false);
    tell_killed(words, &result, report);
}

/* ---- what was found */

static void report_total(const struct words *words)
{
    const struct plan_result *best = &words->best.result;
    uint64_t files = best->whole ? words->walk.file_count : best->files;
    page_line("%s files: %s lines, %s words, %s bytes", PAGE_NUMBER(files),
              PAGE_NUMBER(best->total.lines), PAGE_NUMBER(best->total.words),
              PAGE_NUMBER(best->total.bytes));
    result_object("total");
    result_number("files", files);
    result_number("lines", best->total.lines);
    result_number("words", best->total.words);
    result_number("bytes", best->total.bytes);
    result_end();
    result_bool("whole", best->whole && !words->walk.stopped);
    result_number("passes", words->plan.passes);
    result_number("links", words->walk.links);
    result_number("specials", words->walk.specials);
    result_number("repeats", words->walk.repeats);
    result_number("other_file_systems", words->walk.elsewhere);
}

static void report_top(const struct words *words)
{
    const struct plan_result *best = &words->best.result;
    char line[80], word[64], one[96];
    int column = 0;
    page_line("most frequent%s:",
              best->exact ? "" : " (about: more different words than the table holds)");
    result_array("top");
    for (int i = 0; i < best->top_count; i++) {
        escape_cut(word, sizeof word, 20, best->top[i].text, best->top[i].length);
        int length = snprintf(one, sizeof one, "%s %s", word, PAGE_NUMBER(best->top[i].count));
        if (column && column + 2 + length > 74) {
            page_line("  %s", line);
            column = 0;
        }
        column += snprintf(line + column, sizeof line - column, "%s%s", column ? ", " : "", one);
        result_object(NULL);
        result_bytes("word", best->top[i].text, best->top[i].length);
        result_number("count", best->top[i].count);
        result_end();
    }
    if (column)
        page_line("  %s", line);
    result_end();
    result_bool("top_exact", best->exact);
}

static void report_failure(struct words *words, uint64_t at, int error)
{
    const char *name = walk_name(&words->walk, at);
    char shown[200];
    escape_cut(shown, sizeof shown, 60, (const uint8_t *)name, strlen(name));
    if (words->failed++ < FAILURES_SHOWN)
        page_line("cannot read %s: %s", shown, plait_strerror(error));
    result_object(NULL);
    result_bytes("name", (const uint8_t *)name, strlen(name));
    result_text("error", plait_strerror(error));
    result_end();
}

static void report_failures(struct words *words)
{
    int before = words->failed;
    words->failed = 0;
    result_array("unreadable");
    for (size_t i = 0; i < words->walk.failure_count; i++)
        report_failure(words, words->walk.failures[i].name, words->walk.failures[i].error);
    for (size_t i = 0; words->plan.errors && i < words->walk.file_count; i++)
        if (words->plan.errors[i])
            report_failure(words, words->walk.files[i].name, words->plan.errors[i]);
    result_end();
    if (words->failed > FAILURES_SHOWN)
        page_line("... and %d more that cannot be read", words->failed - FAILURES_SHOWN);
    words->failed += before;
}

static void tell_limits(const struct words *words)
{
    if (words->cold)
        page_line("(read from the disk first, in %s; the times are of reading again)",
                  PAGE_TIME(words->cold));
    if (words->plan.passes > 1)
        page_line("(so small a tree was read %s times, for half a second)",
                  PAGE_NUMBER(words->plan.passes));
    if (words->changed)
        page_line("(files below it changed meanwhile, so results could not be compared)");
    if (words->walk.stopped)
        page_line("(so large a tree that the search for files stopped after %s)",
                  PAGE_TIME(time_most / 4));
    if (!words->best.result.whole && !words->failed)
        page_line("(so large a tree that counting stopped after %s: this is what was done)",
                  PAGE_TIME(time_most));
}

static void count_words(struct words *words)
{
    if (plan_make(&words->plan, &words->walk) < 0) {
        page_line("not enough memory to count them");
        words->failed = 1;
        return;
    }
    words->plan.tick = page_is_live() ? show_progress : NULL;
    run_all(words);
    run_killed(words);
    tell_limits(words);
    report_total(words);
    report_top(words);
}

/* An empty tree is no failure: its totals are noughts. */
static void tell_empty(struct words *words)
{
    page_line("no regular files: %zu directories, %zu links, %zu sockets, fifos or devices",
              words->walk.folder_count, words->walk.links, words->walk.specials);
    words->best.result.whole = true;
    report_total(words);
}

int tour_words(const struct tour *tour)
{
    static struct words words;
    words.tour = tour;
    time_most = tour->seconds * PLAIT_SECOND;
    words.begin = plait_now();
    words.walk.go_on = walk_goes_on;
    words.walk.arg = &words.begin;
    int error = walk_tree(&words.walk, tour->directory);
    char shown[128];
    escape_cut(shown, sizeof shown, 36, (const uint8_t *)tour->directory, strlen(tour->directory));
    page_title("2  Count the words of %s files (%s) below %s", PAGE_NUMBER(words.walk.file_count),
               PAGE_BYTES(words.walk.bytes), shown);
    if (error) {
        page_line("cannot read it: %s", plait_strerror(error));
        words.failed = 1;
    } else if (words.walk.file_count) {
        count_words(&words);
    } else {
        tell_empty(&words);
    }
    if (!error)
        report_failures(&words);
    plan_free(&words.plan);
    walk_free(&words.walk);
    return words.failed ? 1 : 0;
}
