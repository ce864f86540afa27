#include "json.h"
#include "escape.h"

#include <math.h>

static struct {
    FILE *stream;
    int depth;
    bool first;
    char closers[16];
} out;

static void line(void)
{
    fputs(out.first ? "\n" : ",\n", out.stream);
    fprintf(out.stream, "%*s", 2 * out.depth, "");
    out.first = false;
}

/* JSON's own escapes, for text that is UTF-8. */
static void quote(const char *text)
{
    putc('"', out.stream);
    for (; *text; text++)
        if (*text == '"' || *text == '\\')
            fprintf(out.stream, "\\%c", *text);
        else if ((unsigned char)*text < 0x20)
            fprintf(out.stream, "\\u%04x", *text);
        else
            putc(*text, out.stream);
    putc('"', out.stream);
}

static bool member(const char *name)
{
    if (!out.stream)
        return false;
    line();
    if (name) {
        quote(name);
        fputs(": ", out.stream);
    }
    return true;
}

static void begin(char opener, char closer)
{
    putc(opener, out.stream);
    out.closers[out.depth++] = closer;
    out.first = true;
}

void json_open(FILE *stream)
{
    out.stream = stream;
    begin('{', '}');
}

void json_close(void)
{
    if (!out.stream)
        return;
    json_end();
    putc('\n', out.stream);
    out.stream = NULL;
}

bool json_is_open(void)
{
    return out.stream != NULL;
}

void json_object(const char *name)
{
    if (member(name))
        begin('{', '}');
}

void json_array(const char *name)
{
    if (member(name))
        begin('[', ']');
}

void json_end(void)
{
    if (!out.stream)
        return;
    out.depth--;
    if (!out.first)
        fprintf(out.stream, "\n%*s", 2 * out.depth, "");
    putc(out.closers[out.depth], out.stream);
    out.first = false;
}

void json_number(const char *name, uint64_t value)
{
    if (member(name))
        fprintf(out.stream, "%llu", (unsigned long long)value);
}

/* What could not be measured must be null, because JSON has no infinity. */
void json_real(const char *name, double value)
{
    if (!member(name))
        return;
    if (isfinite(value))
        fprintf(out.stream, "%.9g", value);
    else
        fputs("null", out.stream);
}

void json_bool(const char *name, bool value)
{
    if (member(name))
        fputs(value ? "true" : "false", out.stream);
}

void json_text(const char *name, const char *text)
{
    if (member(name))
        quote(text);
}

void json_bytes(const char *name, const uint8_t *bytes, size_t length)
{
    bool plain = escape_needless(bytes, length);
    if (!member(name))
        return;
    putc('"', out.stream);
    for (size_t i = 0; i < length; i++) {
        uint32_t code;
        int size = escape_character(bytes + i, length - i, &code);
        if (size == 0)
            fprintf(out.stream, "\\\\x%02x", bytes[i]);
        else if (code == '"')
            fputs("\\\"", out.stream);
        else if (code == '\\')
            fputs(plain ? "\\\\" : "\\\\\\\\", out.stream);
        else
            fwrite(bytes + i, 1, size, out.stream);
        i += size ? size - 1 : 0;
    }
    putc('"', out.stream);
    if (!plain)
        json_bool("escaped", true);
}
