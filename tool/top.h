/* The most frequent words of several tables together. */
#ifndef TOOL_TOP_H
#define TOOL_TOP_H

#include "table.h"

enum { TOP_MOST = 20, TOP_TABLES = 257 };

struct top_word {
    const uint8_t *text; /* lies in one of the tables */
    size_t length;
    uint64_t count;
};

/* By count, then bytewise; how many there are. */
int top_words(const struct table *const *tables, int count, struct top_word *top);

#endif
