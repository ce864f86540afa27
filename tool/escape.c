#include "escape.h"

#include <stdio.h>
#include <string.h>

/* Length of a UTF-8 character by its first byte, and the bits of it that count. */
static int lead(uint8_t byte, uint32_t *code)
{
    if (byte < 0x80)
        return *code = byte, 1;
    if (byte >= 0xc2 && byte < 0xe0)
        return *code = byte & 0x1f, 2;
    if (byte >= 0xe0 && byte < 0xf0)
        return *code = byte & 0x0f, 3;
    if (byte >= 0xf0 && byte < 0xf5)
        return *code = byte & 0x07, 4;
    return 0;
}

/* Control characters, surrogates, overlong forms; and the marks that turn the direction of a line,
 * because a name could then look like another. */
static bool is_bad(uint32_t code, int length)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code < least[length] ||
           code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ||
           (code >= 0x200e && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069);
}

/* One character of the bytes: its length, with *code; 0: not printable UTF-8. */
static int character(const uint8_t *bytes, size_t length, uint32_t *code)
{
    int size = lead(bytes[0], code);
    if (size == 0 || (size_t)size > length)
        return 0;
    for (int i = 1; i < size; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (bytes[i] & 0x3f);
    }
    return is_bad(*code, size) ? 0 : size;
}

bool escape_needless(const uint8_t *bytes, size_t length)
{
    uint32_t code;
    for (size_t i = 0; i < length;) {
        int size = character(bytes + i, length - i, &code);
        if (!size)
            return false;
        i += size;
    }
    return true;
}

/* The next character as it is shown: how many bytes were taken; its columns in *width. */
static size_t show(char shown[8], int *width, const uint8_t *bytes, size_t length, bool plain)
{
    uint32_t code;
    int size = character(bytes, length, &code);
    if (!size) {
        *width = sprintf(shown, "\\x%02x", bytes[0]);
        return 1;
    }
    memcpy(shown, bytes, size);
    shown[size] = '\0';
    *width = code >= 0x1100 ? 2 : 1;
    if (code == '\\' && !plain) {
        strcpy(shown, "\\\\");
        *width = 2;
    }
    return size;
}

void escape_cut(char *text, size_t size, int columns, const uint8_t *bytes, size_t length)
{
    bool plain = escape_needless(bytes, length);
    size_t used = 0, kept = 0;
    int column = 0, width;
    char shown[8];
    text[0] = '\0';
    for (size_t i = 0; i < length;) {
        i += show(shown, &width, bytes + i, length - i, plain);
        column += width;
        if (column > columns || used + strlen(shown) + 4 > size) {
            strcpy(text + kept, "...");
            return;
        }
        strcpy(text + used, shown);
        used += strlen(shown);
        if (column + 3 <= columns)
            kept = used;
    }
}
