/* The formatter of all messages: what signal handlers, the watcher and a child right after fork may
 * call. snprintf may not be used there, because it can allocate and, for %m or wide strings, take
 * locks of the locale. */
#include "base/report.h"

struct output {
    char *text;
    size_t size, length; /* length: what was wanted, also beyond size */
};

/* One conversion as it is read: %[-][0][width][.precision][l|ll|z]letter; width and precision may
 * be '*'. */
struct field {
    bool left, zeros;
    int width, precision; /* -1: none */
    int longs;
};

static void put(struct output *out, char c)
{
    if (out->length + 1 < out->size)
        out->text[out->length] = c;
    out->length++;
}

static void put_many(struct output *out, char c, int count)
{
    for (int i = 0; i < count; i++)
        put(out, c);
}

static void put_text(struct output *out, const struct field *field, const char *text, int length)
{
    int space = field->width > length ? field->width - length : 0;
    put_many(out, ' ', field->left ? 0 : space);
    for (int i = 0; i < length; i++)
        put(out, text[i]);
    put_many(out, ' ', field->left ? space : 0);
}

static void put_string(struct output *out, const struct field *field, const char *text)
{
    int length = 0;
    if (!text)
        text = "(null)";
    /* A precision must stop the search, because there may be no NUL. */
    while (length != field->precision && text[length])
        length++;
    put_text(out, field, text, length);
}

static void put_number(struct output *out, const struct field *field, const char *prefix,
                       uint64_t value, unsigned base)
{
    char digits[72];
    int at = sizeof digits, before = 0;
    do
        digits[--at] = "0123456789abcdef"[value % base];
    while (value /= base);
    while (prefix[before])
        before++;
    if (field->zeros && !field->left)
        while ((int)sizeof digits - at + before < field->width && at > before)
            digits[--at] = '0';
    for (int i = before; i > 0; i--)
        digits[--at] = prefix[i - 1];
    put_text(out, field, digits + at, (int)sizeof digits - at);
}

/* Types smaller than int come as int, and only the letter says whether its sign counts. */
static uint64_t next_number(const struct field *field, bool is_signed, va_list *args)
{
    if (field->longs)
        return va_arg(*args, uint64_t);
    return is_signed ? (uint64_t)(int64_t)va_arg(*args, int) : va_arg(*args, unsigned);
}

static void put_signed(struct output *out, const struct field *field, int64_t value)
{
    put_number(out, field, value < 0 ? "-" : "", value < 0 ? -(uint64_t)value : (uint64_t)value,
               10);
}

static void put_char(struct output *out, const struct field *field, char c)
{
    put_text(out, field, &c, 1);
}

static void convert(struct output *out, const struct field *field, char letter, va_list *args)
{
    switch (letter) {
    case 'd':
    case 'i':
        put_signed(out, field, (int64_t)next_number(field, true, args));
        break;
    case 'u':
        put_number(out, field, "", next_number(field, false, args), 10);
        break;
    case 'x':
        put_number(out, field, "", next_number(field, false, args), 16);
        break;
    case 'p':
        put_number(out, field, "0x", (uintptr_t)va_arg(*args, void *), 16);
        break;
    case 's':
        put_string(out, field, va_arg(*args, const char *));
        break;
    case 'c':
        put_char(out, field, (char)va_arg(*args, int));
        break;
    default: /* '%', or what we do not know: shown as it is rather than lost */
        put(out, letter);
    }
}

static const char *read_count(const char *at, int *count, va_list *args)
{
    if (*at == '*') {
        *count = va_arg(*args, int);
        return at + 1;
    }
    for (*count = 0; *at >= '0' && *at <= '9'; at++)
        *count = *count * 10 + (*at - '0');
    return at;
}

static const char *read_field(const char *at, struct field *field, va_list *args)
{
    *field = (struct field){.precision = -1};
    for (; *at == '-' || *at == '0'; at++)
        *(*at == '-' ? &field->left : &field->zeros) = true;
    at = read_count(at, &field->width, args);
    if (field->width < 0) { /* as C has it: a negative '*' is '-' and its amount */
        field->left = true;
        field->width = -field->width;
    }
    if (*at == '.')
        at = read_count(at + 1, &field->precision, args);
    for (; *at == 'l' || *at == 'z'; at++)
        field->longs++;
    return at;
}

int base_vformat(char *text, size_t size, const char *format, va_list args)
{
    struct output out = {.text = text, .size = size};
    struct field field;
    va_list rest;
    /* Copied, because a va_list parameter may be an array: then its address is not a va_list's. */
    va_copy(rest, args);
    while (*format) {
        char c = *format++;
        if (c != '%') {
            put(&out, c);
            continue;
        }
        format = read_field(format, &field, &rest);
        if (*format)
            convert(&out, &field, *format++, &rest);
    }
    va_end(rest);
    if (size)
        text[out.length < size ? out.length : size - 1] = '\0';
    return (int)out.length;
}

int base_format(char *text, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = base_vformat(text, size, format, args);
    va_end(args);
    return length;
}
