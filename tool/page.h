/* What the tour shows: titles, lines, and on a terminal one line that is drawn again and again,
 * at most ten times a second. While JSON is written nothing is shown. */
#ifndef TOOL_PAGE_H
#define TOOL_PAGE_H

#include <stdbool.h>
#include <stdint.h>

void page_open(void);

__attribute__((format(printf, 1, 2))) void page_title(const char *format, ...);
__attribute__((format(printf, 1, 2))) void page_line(const char *format, ...);

/* The line that moves: what is done of `whole`, as a bar with `words` behind it; gone at the
 * next page_line. */
void page_progress(uint64_t done, uint64_t whole, const char *words);
bool page_is_live(void);

/* 1234567 as "1,234,567". */
#define PAGE_NUMBER(value) page_number((char[32]){0}, value)
const char *page_number(char text[32], uint64_t value);

/* Nanoseconds, bytes as people read them: "1.25 s", "340 us"; "12.3 MB". */
#define PAGE_TIME(ns) page_time((char[32]){0}, ns)
const char *page_time(char text[32], int64_t ns);
#define PAGE_BYTES(bytes) page_bytes((char[32]){0}, bytes)
const char *page_bytes(char text[32], uint64_t bytes);

#endif
