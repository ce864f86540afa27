/* The bar and its numbers. One line on stderr, written over by the next; in one write each, so that
 * what others print comes between two and not into one. */
#include "pool/progress.h"
#include "base/report.h"
#include "os/os.h"
#include "wait/wait.h"

#include <plait/time.h>

enum { WIDTH = 24, TERMINAL = 2 };
#define PERIOD (100 * PLAIT_MILLISECOND)

void progress_begin(struct progress *progress, const plait_map_options *options, size_t total)
{
    *progress = (struct progress){.options = options, .total = total};
    progress->draws = options->progress && os_is_terminal(TERMINAL);
    if (!progress->draws && !options->on_progress)
        return;
    progress->began = wait_now();
    progress->next = progress->began + PERIOD;
}

int64_t progress_due(const struct progress *progress)
{
    return progress->draws || progress->options->on_progress ? progress->next : PLAIT_NEVER;
}

static double rate_of(const struct progress *progress, size_t done, int64_t now)
{
    double seconds = (double)(now - progress->began) / (double)PLAIT_SECOND;
    return seconds > 0 ? (double)done / seconds : 0;
}

static int bar(char *text, const struct progress *progress, size_t done)
{
    char *to = text;
    size_t full = progress->total ? (size_t)((double)done / (double)progress->total * WIDTH) : 0;
    *to++ = '[';
    for (size_t i = 0; i < WIDTH; i++)
        *to++ = i < full ? '#' : '.';
    *to++ = ']';
    return (int)(to - text);
}

static void draw(const struct progress *progress, size_t done, double rate, double left, bool end)
{
    char text[160];
    long seconds = left < 0 ? 0 : (long)left;
    int length = base_format(text, sizeof text, "\r");
    if (progress->total)
        length += bar(text + length, progress, done);
    length += base_format(text + length, sizeof text - (size_t)length, " %lu", (unsigned long)done);
    if (progress->total)
        length += base_format(text + length, sizeof text - (size_t)length, " of %lu",
                              (unsigned long)progress->total);
    length +=
        base_format(text + length, sizeof text - (size_t)length, ", %lu/s", (unsigned long)rate);
    if (progress->total && !end && left >= 0)
        length +=
            base_format(text + length, sizeof text - (size_t)length, ", %ld:%c%c left",
                        seconds / 60, (char)('0' + seconds % 60 / 10), (char)('0' + seconds % 10));
    length += base_format(text + length, sizeof text - (size_t)length, "\033[K%s", end ? "\n" : "");
    os_write(TERMINAL, text, (size_t)length);
}

static void show(struct progress *progress, size_t done, int64_t now, bool end)
{
    double rate = rate_of(progress, done, now);
    double left = progress->total && rate > 0 ? (double)(progress->total - done) / rate : -1;
    progress->next = now + PERIOD;
    if (progress->draws)
        draw(progress, done, rate, left, end);
    if (progress->options->on_progress)
        progress->options->on_progress(done, progress->total, left, progress->options->arg);
}

void progress_tell(struct progress *progress, size_t done)
{
    int64_t now;
    if (progress_due(progress) != PLAIT_NEVER && (now = wait_now()) >= progress->next)
        show(progress, done, now, false);
}

void progress_end(struct progress *progress, size_t done)
{
    if (progress_due(progress) != PLAIT_NEVER)
        show(progress, done, wait_now(), true);
}
