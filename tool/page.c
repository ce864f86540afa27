/* The moving line lives at the bottom and is wiped before anything else is written. A signal
 * that ends the tool must wipe it as well, otherwise the shell's prompt would stand behind a
 * half-drawn bar; the handler then lets the signal have its ordinary effect, so that the caller
 * sees how the tool ended, and tied children end with it. */
#include "page.h"
#include "result.h"

#include <plait.h>

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { BAR = 24, REDRAW_MS = 100 };

static struct {
    bool terminal;
    volatile sig_atomic_t drawn;
    int columns;
    pid_t owner;
    int64_t next; /* no redraw before this time, otherwise a fast job would do little else */
} page;

static const char WIPE[] = "\r\033[K";

static void on_end(int signal)
{
    if (page.drawn && getpid() == page.owner && write(STDOUT_FILENO, WIPE, sizeof WIPE - 1) < 0)
        _exit(128 + signal);
    kill(getpid(),
         signal); /* it is blocked until this handler returns, and by then its default again */
}

static void handle(int signal)
{
    struct sigaction old, new = {.sa_handler = on_end, .sa_flags = (int)SA_RESETHAND};
    if (sigaction(signal, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
        sigaction(signal, &new, NULL);
}

void page_open(void)
{
    struct winsize window = {.ws_col = 0};
    const char *kind = getenv("TERM");
    page.owner = getpid();
    page.terminal = isatty(STDOUT_FILENO) && kind && strcmp(kind, "dumb") && !result_is_open();
    if (page.terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0)
        page.columns = window.ws_col;
    else
        page.columns = 80;
    handle(SIGINT);
    handle(SIGTERM);
    handle(SIGHUP);
    handle(SIGQUIT);
}

bool page_is_live(void)
{
    return page.terminal;
}

static void wipe(void)
{
    if (!page.drawn)
        return;
    fputs(WIPE, stdout);
    page.drawn = false;
}

/* Without blanks at the end, since tables have empty last columns. */
static void say(const char *before, const char *after, const char *format, va_list values)
{
    char line[1024];
    if (result_is_open())
        return;
    int length = vsnprintf(line, sizeof line, format, values);
    length = length < (int)sizeof line ? length : (int)sizeof line - 1;
    while (length > 0 && line[length - 1] == ' ')
        length--;
    wipe();
    printf("%s%.*s%s", before, length, line, after);
    fflush(stdout);
}

void page_title(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    say(page.terminal ? "\n\033[1m" : "\n", page.terminal ? "\033[0m\n" : "\n", format, values);
    va_end(values);
}

void page_line(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    say("   ", "\n", format, values);
    va_end(values);
}

void page_progress(uint64_t done, uint64_t whole, const char *words)
{
    int64_t now = plait_now();
    if (!page.terminal || now < page.next)
        return;
    page.next = now + REDRAW_MS * PLAIT_MILLISECOND;
    int full = whole ? (int)((double)done / whole * BAR) : 0;
    full = full > BAR ? BAR : full;
    char bar[BAR + 1];
    memset(bar, '.', BAR);
    memset(bar, '#', full);
    bar[BAR] = '\0';
    int room =
        page.columns - BAR - 8; /* the last column stays free because terminals may wrap there */
    page.drawn = true;
    printf("%s   [%s] %.*s", WIPE, bar, room > 0 ? room : 0, words);
    fflush(stdout);
}

const char *page_number(char text[32], uint64_t value)
{
    char digits[32];
    int count = snprintf(digits, sizeof digits, "%llu", (unsigned long long)value), used = 0;
    for (int i = 0; i < count; i++) {
        if (i && (count - i) % 3 == 0)
            text[used++] = ',';
        text[used++] = digits[i];
    }
    text[used] = '\0';
    return text;
}

/* Three digits and the unit that leaves fewest noughts. */
static const char *scaled(char text[32], double value, const char *const *units, double step)
{
    while (value >= 999.5 && units[1]) {
        value /= step;
        units++;
    }
    snprintf(text, 32, "%.*f %s",
             value >= 99.95 || value == (int)value ? 0
             : value >= 9.995                      ? 1
                                                   : 2,
             value, *units);
    return text;
}

const char *page_time(char text[32], int64_t ns)
{
    static const char *const units[] = {"ns", "us", "ms", "s", NULL};
    return scaled(text, ns, units, 1000);
}

const char *page_bytes(char text[32], uint64_t bytes)
{
    static const char *const units[] = {"bytes", "KB", "MB", "GB", "TB", NULL};
    return scaled(text, bytes, units, 1000);
}
