/* Writes one JSON value, member by member, as it becomes known. All calls do nothing while it is
 * closed, so that whoever reports writes page and JSON side by side without asking which is
 * wanted. */
#ifndef TOOL_JSON_H
#define TOOL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

void json_open(FILE *stream); /* begins the outermost object */
void json_close(void);        /* ends it */
bool json_is_open(void);

/* `name` is NULL inside an array. */
void json_object(const char *name);
void json_array(const char *name);
void json_end(void); /* of the innermost object or array */
void json_number(const char *name, uint64_t value);
void json_real(const char *name, double value);
void json_bool(const char *name, bool value);
void json_text(const char *name, const char *text);

/* Bytes of any kind as `name`. What is not printable UTF-8 is written \xHH and a backslash
 * doubled, and "escaped" stands beside it: JSON has no other way to carry them. */
void json_bytes(const char *name, const uint8_t *bytes, size_t length);

#endif
