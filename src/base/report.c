/* The one function through which plait speaks.
 *
 * The user's function and its argument belong together, and a report can come from a signal handler
 * (a guard page was hit) that interrupted plait_on_report itself. A lock around the pair would then
 * never be free, and two plain words could be seen half changed. Instead:
 *   1. the writer, alone under the names' lock, fills slot (last + 1) % SLOTS,
 *   2. then publishes last + 1;
 *   3. the reader takes `last` and copies that slot,
 *   4. then looks at `last` again. Its slot is filled again only for last + SLOTS, after
 *      last + SLOTS - 1 was published: so a smaller distance proves the copy whole, otherwise it
 *      starts again. */
#include "base/report.h"
#include "base/atomic.h"
#include "os/os.h"
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINE = 1024, PREFIX = sizeof BASE_PREFIX - 1, SLOTS = 8 };

typedef void report_function(plait_report kind, const char *text, void *arg);

struct listener {
    report_function *function; /* NULL: stderr */
    void *arg;
};

/* Each word of a slot is atomic; `last` counts the calls of plait_on_report, and the slot of
 * each is its number % SLOTS. */
static struct listener slots[SLOTS];
static uint64_t last;

/* This thread is inside the user's function. What it makes plait report goes to stderr, because
 * otherwise a misuse in the function that hears of misuse never ends. Initial-exec: the first use
 * of any other thread-local in a library allocates. */
static _Thread_local bool inside __attribute__((tls_model("initial-exec")));

void (*base_trace)(const char *what, const void *object, int64_t number);

void plait_on_report(report_function *report, void *arg)
{
    base_name_fork_prepare(); /* the names' lock, so that a fork has one lock to take and not two */
    uint64_t next = last + 1;
    /* RELEASE: who sees a word of this slot sees last >= next - 1 too; pairs with the loads of
     * listener_now. */
    atom_store(&slots[next % SLOTS].function, report, RELEASE);
    atom_store(&slots[next % SLOTS].arg, arg, RELEASE);
    atom_store(&last, next, RELEASE); /* pairs with the first load of listener_now */
    base_name_fork_done();
}

/* All three ACQUIREs pair with stores of plait_on_report: the first so that the slot is filled, the
 * others so that who saw a word of a later turn also sees `last` of the turn before. */
static struct listener listener_now(void)
{
    for (;;) {
        struct listener copy;
        uint64_t seen = atom_load(&last, ACQUIRE);
        copy.function = atom_load(&slots[seen % SLOTS].function, ACQUIRE);
        copy.arg = atom_load(&slots[seen % SLOTS].arg, ACQUIRE);
        if (atom_load(&last, RELAXED) - seen < SLOTS - 1)
            return copy;
    }
}

/* A line of output in the making: "plait: " and the text, with room for the newline. */
struct line {
    char bytes[LINE + 1];
    size_t length, end; /* end: how far the next part may go */
};

static void line_start(struct line *line)
{
    memcpy(line->bytes, BASE_PREFIX, PREFIX);
    line->length = PREFIX;
    line->end = LINE;
}

static void line_add(struct line *line, const char *format, va_list args)
{
    size_t room = line->end - line->length;
    size_t wanted = (size_t)base_vformat(line->bytes + line->length, room, format, args);
    line->length += wanted < room ? wanted : room - 1;
}

__attribute__((format(printf, 2, 3))) static void line_put(struct line *line, const char *format,
                                                           ...)
{
    va_list args;
    va_start(args, format);
    line_add(line, format, args);
    va_end(args);
}

/* Names and arguments come from users: a newline in one must not make two lines of a report. */
static void bytes_finish(char *bytes, size_t length)
{
    for (size_t i = PREFIX; i < length; i++)
        if ((unsigned char)bytes[i] < ' ')
            bytes[i] = ' ';
    bytes[length] = '\0';
}

static void bytes_write(char *bytes, size_t length)
{
    bytes[length] = '\n';
    /* No result is looked at, because nobody is left to hear that it failed. */
    os_write(STDERR_FILENO, bytes, length + 1);
}

void base_report_text(plait_report kind, char *text, size_t length)
{
    struct listener listener = listener_now();
    bytes_finish(text, length);
    if (!listener.function || inside) {
        bytes_write(text, length);
        return;
    }
    inside = true;
    listener.function(kind, text + PREFIX, listener.arg);
    inside = false;
}

void base_report(plait_report kind, const char *format, ...)
{
    struct line line;
    va_list args;
    line_start(&line);
    va_start(args, format);
    line_add(&line, format, args);
    va_end(args);
    base_report_text(kind, line.bytes, line.length);
}

void base_warn(const char *format, ...)
{
    struct line line;
    va_list args;
    line_start(&line);
    va_start(args, format);
    line_add(&line, format, args);
    va_end(args);
    bytes_finish(line.bytes, line.length);
    bytes_write(line.bytes, line.length);
}

const char *base_object(const void *object, const char *type, char *text, size_t size)
{
    char name[128];
    size_t length = strlen(type);
    base_name_of(object, type, name, sizeof name);
    bool unnamed = !object || (strncmp(name, type, length) == 0 && name[length] == '@');
    base_format(text, size, unnamed ? "%s%s" : "%s %s", unnamed ? "" : type, name);
    return text;
}

void base_at_fork(void (*before)(void), void (*parent)(void), void (*child)(void))
{
    if (pthread_atfork(before, parent, child) != 0)
        base_misuse(NULL, "program", NULL, "no memory to make its forks safe");
}

/* The names' lock. Not with the tasks' handlers, because a thread may give names before anybody has
 * started or waited for a task: the child of another one's fork would find it held by who is not
 * there. */
__attribute__((constructor(101))) static void report_begin(void)
{
    base_at_fork(base_name_fork_prepare, base_name_fork_done, base_name_fork_done);
}

_Noreturn void base_misuse(const void *object, const char *type, void *place, const char *format,
                           ...)
{
    struct line line;
    char where[256], what[192];
    va_list args;
    line_start(&line);
    /* However long the text, the place must not be what is cut off. */
    line.end = LINE - sizeof where - 8;
    line_put(&line, "%s: ", base_object(object, type, what, sizeof what));
    va_start(args, format);
    line_add(&line, format, args);
    va_end(args);
    line.end = LINE;
    if (place)
        line_put(&line, " (at %s)", base_place(place, where, sizeof where));
    base_report_text(PLAIT_REPORT_MISUSE, line.bytes, line.length);
    abort();
}
