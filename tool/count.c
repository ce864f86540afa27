/* One pass over the bytes: eight at a time are looked at for one that may end a word (any byte up
 * to the blank), then a table of the 256 bytes says what it is. GNU wc 9.1 in the C locale neither
 * ends a word at a byte that does not print nor counts a word that has none that does; experiment
 * and its source agree.
 *
 * A word cut by the end of the buffer is moved to its front and completed by the next read. One
 * that has grown beyond TABLE_LONGEST is no longer kept but digested, because a file without
 * spaces would otherwise be held in memory whole. */
#include "count.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER = 256 * 1024, TAIL = 16 * 1024, SLACK = 16 };

enum { IS_SPACE = 1, IS_GRAPH = 2 };
static const uint8_t kind[256] = {
    ['\t'] = IS_SPACE, ['\n'] = IS_SPACE, ['\v'] = IS_SPACE,        ['\f'] = IS_SPACE,
    ['\r'] = IS_SPACE, [' '] = IS_SPACE,  ['!' ... '~'] = IS_GRAPH,
};

struct counter {
    uint64_t digest, length; /* of the long word we are in; length 0: in none */
    bool printing;           /* it has a byte that prints: otherwise it is no word */
    bool (*go_on)(void *arg);
    void *arg;
    uint8_t start[TABLE_LONGEST + 16 + SLACK];
    uint8_t buffer[BUFFER + SLACK];
};

/* What a read left in the buffer, and which of it is ours. */
struct block {
    const uint8_t *at, *limit,
        *end; /* next byte; words that begin at or after limit are not ours; end of what was read */
    bool last; /* the file ends here */
};

struct counter *counter_open(bool (*go_on)(void *arg), void *arg)
{
    struct counter *counter = calloc(1, sizeof *counter);
    if (counter) {
        counter->go_on = go_on;
        counter->arg = arg;
    }
    return counter;
}

void counter_free(struct counter *counter)
{
    free(counter);
}

/* The first space at or after `at`, else `end`. The subtraction marks each byte below '!'; only
 * the lowest mark is certain, because a borrow may mark the byte above it. */
static inline const uint8_t *word_end(const uint8_t *at, const uint8_t *end)
{
    while (at < end) {
        uint64_t eight;
        memcpy(&eight, at, sizeof eight);
        uint64_t marks =
            (eight - UINT64_C(0x2121212121212121)) & ~eight & UINT64_C(0x8080808080808080);
        if (!marks) {
            at += 8;
            continue;
        }
        at += __builtin_ctzll(marks) / 8;
        if (at < end && kind[*at] == IS_SPACE)
            return at;
        at++;
    }
    return end;
}

static bool prints(const uint8_t *word, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (kind[word[i]] == IS_GRAPH)
            return true;
    return false;
}

/* More bytes of a long word. FNV-1a takes them one by one, so that the digest does not depend on
 * where the reads cut it. */
static void long_more(struct counter *counter, const uint8_t *bytes, size_t length)
{
    counter->printing = counter->printing || prints(bytes, length);
    size_t kept = 0;
    if (counter->length < TABLE_LONGEST) {
        kept = TABLE_LONGEST - counter->length;
        kept = kept < length ? kept : length;
        memcpy(counter->start + counter->length, bytes, kept);
    }
    for (size_t i = kept; i < length; i++)
        counter->digest = (counter->digest ^ bytes[i]) * UINT64_C(0x100000001b3);
    counter->length += length;
}

static void long_end(struct counter *counter, struct tally *tally, struct table *table)
{
    memcpy(counter->start + TABLE_LONGEST, &counter->digest, 8);
    memcpy(counter->start + TABLE_LONGEST + 8, &counter->length, 8);
    if (counter->printing) {
        tally->words++;
        if (table)
            table_add(table, counter->start, TABLE_LONGEST + 16);
    }
    counter->length = counter->digest = 0;
    counter->printing = false;
}

static inline void add_word(struct counter *counter, const uint8_t *word, size_t length,
                            struct tally *tally, struct table *table)
{
    if (length > TABLE_LONGEST) {
        long_more(counter, word, length);
        long_end(counter, tally, table);
    } else if (kind[*word] == IS_GRAPH || prints(word, length)) {
        tally->words++;
        if (table)
            table_add(table, word, length);
    }
}

/* The rest of a long word, which must end before others are looked at; false: the block ended
 * first. */
static bool finish_long(struct counter *counter, struct block *block, struct tally *tally,
                        struct table *table)
{
    const uint8_t *stop = word_end(block->at, block->end);
    long_more(counter, block->at, stop - block->at);
    block->at = stop;
    if (stop == block->end && !block->last)
        return false;
    long_end(counter, tally, table);
    return true;
}

/* Counts what begins before the limit. Leaves `at` at the limit or behind it, or at an
 * unfinished word. */
static void count_block(struct counter *counter, struct block *block, struct tally *tally,
                        struct table *table)
{
    if (counter->length && !finish_long(counter, block, tally, table))
        return;
    const uint8_t *at = block->at;
    uint64_t lines = 0;
    while (at < block->limit) {
        if (kind[*at] == IS_SPACE) {
            lines += *at++ == '\n';
            continue;
        }
        const uint8_t *stop = word_end(at, block->end);
        if (stop == block->end && !block->last)
            break;
        add_word(counter, at, stop - at, tally, table);
        at = stop;
    }
    block->at = at;
    tally->lines += lines;
}

/* Reads on behind the `kept` bytes that are in the buffer; no further than the piece needs, so
 * that no byte is read twice but for a word that crosses its end. */
static ssize_t fill(struct counter *counter, int file, size_t kept, uint64_t at, uint64_t to)
{
    uint64_t want = BUFFER - kept;
    uint64_t rest = (to > at ? to - at : 0) + TAIL;
    if (to != COUNT_TO_END && rest < want)
        want = rest;
    if (counter->go_on && !counter->go_on(counter->arg))
        return -ECANCELED;
    ssize_t got;
    do
        got = pread(file, counter->buffer + kept, want, at);
    while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : got;
}

/* Keeps the unfinished word for the next read, as bytes at the front of the buffer or as a
 * digest; the bytes kept. */
static size_t keep_rest(struct counter *counter, const struct block *block)
{
    size_t rest = block->end - block->at;
    if (rest > TABLE_LONGEST) {
        long_more(counter, block->at, rest);
        return 0;
    }
    memmove(counter->buffer, block->at, rest);
    return rest;
}

/* A piece that begins inside a word passes over its rest: the piece before counts it. The
 * block's first byte is the last one of that piece, so a space there, perhaps a line's end, must be
 * passed over too. True while the word goes on. */
static bool skip_word(struct block *block)
{
    const uint8_t *space = word_end(block->at, block->limit);
    block->at = space + (space == block->at && space < block->limit);
    return space == block->limit;
}

int count_piece(struct counter *counter, int file, uint64_t from, uint64_t to, struct tally *tally,
                struct table *table)
{
    bool skipping = from > 0;
    uint64_t at = from - skipping;
    for (size_t kept = 0;;) {
        ssize_t got = fill(counter, file, kept, at, to);
        if (got < 0) {
            counter->length = counter->digest = 0;
            return got;
        }
        const uint8_t *end = counter->buffer + kept + got, *limit = end;
        if (to < at + got)
            limit = to > at - kept ? counter->buffer + (to - (at - kept)) : counter->buffer;
        struct block block = {counter->buffer, limit, end, got == 0};
        uint64_t first = at < from ? from : at, stop = at + got < to ? at + got : to;
        tally->bytes += stop > first ? stop - first : 0;
        at += got;
        if (skipping)
            skipping = skip_word(&block);
        if (!skipping)
            count_block(counter, &block, tally, table);
        if (got == 0 || (!counter->length && block.at >= limit && at >= to))
            return 0;
        kept = skipping || block.at >= limit ? 0 : keep_rest(counter, &block);
    }
}
