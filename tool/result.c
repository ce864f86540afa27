#include "result.h"
#include "escape.h"

#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>

enum { DEPTH = 16 };

/* open[0] is the outermost object; the innermost one, open[depth - 1], gets the members. */
static struct {
    FILE *stream;
    json_t *open[DEPTH];
    int depth;
    bool failed; /* no memory: what is written would not be whole */
} out;

/* Takes the value, also where it cannot keep it. */
static void add(const char *name, json_t *value)
{
    json_t *into = out.depth ? out.open[out.depth - 1] : NULL;
    int rc = !into  ? -1
             : name ? json_object_set(into, name, value)
                    : json_array_append(into, value);
    out.failed |= rc != 0;
    json_decref(value);
}

/* The member that was just added gets what follows. */
static void enter(const char *name, json_t *value)
{
    add(name, value);
    if (out.depth < DEPTH)
        out.open[out.depth++] = value;
}

void result_open(FILE *stream)
{
    out.stream = stream;
    out.open[0] = json_object();
    out.failed = !out.open[0];
    out.depth = 1;
}

bool result_close(void)
{
    enum { LAYOUT = JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9) };
    if (!out.stream)
        return true;
    bool whole = !out.failed && json_dumpf(out.open[0], out.stream, LAYOUT) == 0 &&
                 fputc('\n', out.stream) != EOF;
    json_decref(out.open[0]);
    out.stream = NULL;
    return whole;
}

bool result_is_open(void)
{
    return out.stream != NULL;
}

void result_object(const char *name)
{
    if (out.stream)
        enter(name, json_object());
}

void result_array(const char *name)
{
    if (out.stream)
        enter(name, json_array());
}

void result_end(void)
{
    if (out.stream)
        out.depth--;
}

void result_number(const char *name, uint64_t value)
{
    if (out.stream)
        add(name, json_integer((json_int_t)value));
}

/* What could not be measured must be null, because JSON has no infinity. */
void result_real(const char *name, double value)
{
    if (out.stream)
        add(name, isfinite(value) ? json_real(value) : json_null());
}

void result_bool(const char *name, bool value)
{
    if (out.stream)
        add(name, json_boolean(value));
}

void result_text(const char *name, const char *text)
{
    if (out.stream)
        add(name, json_string(text));
}

void result_bytes(const char *name, const uint8_t *bytes, size_t length)
{
    bool plain = escape_needless(bytes, length);
    if (!out.stream)
        return;
    if (plain) {
        add(name, json_stringn((const char *)bytes, length));
        return;
    }
    size_t size = 4 * length + 8; /* \xHH for each byte, and what escape_cut keeps free */
    char *text = malloc(size);
    if (text)
        escape_cut(text, size, INT_MAX, bytes, length);
    add(name, text ? json_string(text) : NULL);
    free(text);
    result_bool("escaped", true);
}
