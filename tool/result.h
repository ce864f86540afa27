/* What was measured, as one JSON object, built by jansson member by member and written when it is
 * closed. All calls do nothing while it is closed, so that whoever reports writes page and JSON
 * side by side without asking which is wanted. */
#ifndef TOOL_RESULT_H
#define TOOL_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

void result_open(FILE *stream); /* begins the outermost object */
bool result_close(void);        /* writes it; false: no memory for it, or the stream failed */
bool result_is_open(void);

/* `name` is NULL inside an array. */
void result_object(const char *name);
void result_array(const char *name);
void result_end(void); /* of the innermost object or array */
void result_number(const char *name, uint64_t value);
void result_real(const char *name, double value);
void result_bool(const char *name, bool value);
void result_text(const char *name, const char *text); /* UTF-8 */

/* Bytes of any kind as `name`. What is not printable UTF-8 is written \xHH and a backslash
 * doubled, and "escaped" stands beside it: JSON has no other way to carry them. */
void result_bytes(const char *name, const uint8_t *bytes, size_t length);

#endif
