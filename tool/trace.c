/* `plait trace`: the recorder's lines with their columns aligned. The last column is free text and
 * is left as it is. */
#include "tour.h"
#include "usage.h"

#include <plait.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { COLUMNS = 5, WIDEST = 40, LINE = 4096 };
static const char blanks[] = " \t\n";

/* The next word of a line; NULL at its end. */
static char *next_word(char **rest)
{
    char *word = *rest + strspn(*rest, blanks);
    char *end = word + strcspn(word, blanks);
    *rest = *end ? end + 1 : end;
    *end = '\0';
    return *word ? word : NULL;
}

static void measure(char *line, int widths[COLUMNS])
{
    for (int i = 0; i < COLUMNS; i++) {
        char *word = next_word(&line);
        if (!word)
            return;
        int width = (int)strlen(word);
        width = width < WIDEST ? width : WIDEST;
        widths[i] = width > widths[i] ? width : widths[i];
    }
}

static void print(char *line, const int widths[COLUMNS])
{
    const char *between = "";
    for (int i = 0; i < COLUMNS; i++) {
        char *word = next_word(&line);
        if (!word)
            break;
        bool last = !line[strspn(line, blanks)];
        printf("%s%-*s", between, last ? 0 : widths[i], word);
        between = "  ";
    }
    line += strspn(line, blanks);
    line[strcspn(line, "\n")] = '\0';
    printf("%s%s\n", *line ? between : "", line);
}

/* Twice through a copy of the file, because the widths are known at its end only, and a pipe cannot
 * be read again. */
static int print_all(FILE *file, FILE *copy)
{
    char line[LINE];
    int widths[COLUMNS] = {0};
    while (fgets(line, sizeof line, file)) {
        fputs(line, copy);
        measure(line, widths);
    }
    if (ferror(file) || fflush(copy))
        return errno;
    rewind(copy);
    while (fgets(line, sizeof line, copy))
        print(line, widths);
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
