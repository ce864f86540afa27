/* `plait trace`: what the recorder wrote (src/watch/trace.c: nanoseconds, task, what, object
 * number, number, with tabs between) with its columns aligned. Other lines are printed as they
 * are. */
#include "escape.h"
#include "tour.h"
#include "usage.h"

#include <plait.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS = 5, LINE = 4096, NAME = 40 };

struct row {
    int64_t ns;
    char task[4 * NAME + 8];
    const char *what, *object, *number;
};

/* Cuts the line at its tabs; false: not a line of the recorder. */
static bool parse(char *line, struct row *row)
{
    char *field[FIELDS] = {line}, *end;
    int count = 1;
    for (char *at = line; *at; at++)
        if (*at == '\t' && count == FIELDS)
            return false;
        else if (*at == '\t') {
            *at = '\0';
            field[count++] = at + 1;
        } else if (*at == '\n')
            *at = '\0';
    if (count < FIELDS)
        return false;
    row->ns = strtoll(field[0], &end, 10);
    if (end == field[0] || *end)
        return false;
    escape_cut(row->task, sizeof row->task, NAME, (const uint8_t *)field[1], strlen(field[1]));
    row->what = field[2];
    row->object = strcmp(field[3], "0") ? field[3] : "-";
    row->number = strcmp(field[4], "0") ? field[4] : "";
    return true;
}

struct widths {
    int ms, task, what, object;
};

static void widen(int *width, int needed)
{
    *width = needed > *width ? needed : *width;
}

static void measure(const char *text, struct widths *widths)
{
    char line[LINE];
    struct row row;
    strcpy(line, text);
    if (!parse(line, &row))
        return;
    widen(&widths->ms, snprintf(NULL, 0, "%" PRId64 ".000000", row.ns / 1000000));
    widen(&widths->task, (int)strlen(row.task));
    widen(&widths->what, (int)strlen(row.what));
    widen(&widths->object, (int)strlen(row.object));
}

static void print(const char *text, const struct widths *widths)
{
    char line[LINE];
    struct row row;
    strcpy(line, text);
    if (!parse(line, &row)) {
        fputs(text, stdout);
        return;
    }
    printf("%*" PRId64 ".%06" PRId64 "  %-*s  %-*s  %*s%s%s\n", widths->ms - 7, row.ns / 1000000,
           row.ns % 1000000, widths->task, row.task, widths->what, row.what, widths->object,
           row.object, *row.number ? "  " : "", row.number);
}

/* Twice through a copy of the file, because the widths are known at its end only, and a pipe cannot
 * be read again. */
static int print_all(FILE *file, FILE *copy)
{
    char line[LINE];
    struct widths widths = {2, 4, 4, 6};
    while (fgets(line, sizeof line, file)) {
        fputs(line, copy);
        measure(line, &widths);
    }
    if (ferror(file) || fflush(copy))
        return errno;
    rewind(copy);
    printf("%*s  %-*s  %-*s  %*s  number\n", widths.ms, "ms", widths.task, "task", widths.what,
           "what", widths.object, "object");
    while (fgets(line, sizeof line, copy))
        print(line, &widths);
    return 0;
}

int trace_main(int argc, char **argv)
{
    if (argc != 2)
        return usage_fail("trace", "one file; see: plait help trace");
    FILE *file = strcmp(argv[1], "-") ? fopen(argv[1], "re") : stdin;
    FILE *copy = file ? tmpfile() : NULL;
    int error = copy ? print_all(file, copy) : errno;
    if (copy)
        fclose(copy);
    if (file && file != stdin)
        fclose(file);
    if (error)
        usage_fail("trace", "%s: %s", argv[1], plait_strerror(error));
    return error != 0;
}
