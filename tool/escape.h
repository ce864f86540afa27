/* Names and words come from anywhere: a terminal must not obey them, and JSON must be UTF-8. */
#ifndef TOOL_ESCAPE_H
#define TOOL_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Printable as they are: UTF-8 without control characters? */
bool escape_needless(const uint8_t *bytes, size_t length);

/* Into `text` (NUL-terminated, cut after `columns` characters with "..."): as they are, or with
 * \xHH and \\. */
void escape_cut(char *text, size_t size, int columns, const uint8_t *bytes, size_t length);

#endif
