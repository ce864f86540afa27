/* Lines, words and bytes of a file or of a piece of one, and each word into a table. */
#ifndef TOOL_COUNT_H
#define TOOL_COUNT_H

#include "table.h"

#include <stdbool.h>

struct tally {
    uint64_t lines; /* '\n' bytes */
    uint64_t words; /* as `LC_ALL=C wc -w`: runs of bytes that are no space, one of which prints */
    uint64_t bytes;
};

struct counter; /* the buffer and the place inside a word; one per worker */

/* go_on(arg) is asked before each read whether to read on, because a piece may end in a word as
 * long as the file; NULL: always. NULL: no memory. */
struct counter *counter_open(bool (*go_on)(void *arg), void *arg);
void counter_free(struct counter *counter);

#define COUNT_TO_END UINT64_MAX

/* Counts bytes `from` .. `to` of a file. A word belongs to the piece in which it begins: the pieces
 * of a file, in any order, add up to the whole. `table` may be NULL. 0; -ECANCELED: go_on said no;
 * -errno; what had been read is counted in any case. */
int count_piece(struct counter *counter, int file, uint64_t from, uint64_t to, struct tally *tally,
                struct table *table);

#endif
