/* Bytes in shared memory, copied and compared by words of eight, because a word is loaded and
 * stored whole.
 *
 * A reader without the lock may copy what is being changed, and finds out afterwards by the guard's
 * sequence. The obvious memcpy between two loads of the sequence needs fences, which
 * ThreadSanitizer does not understand; so each word is loaded with acquire (the sequence is looked
 * at behind it) and stored with release (the sequence is odd before it). The fences are
 * os/pairs.h's, for the values of most gets. */
#ifndef DICT_WORDS_H
#define DICT_WORDS_H

#include "base/atomic.h"

#include <stddef.h>
#include <string.h>

/* Bytes rounded up to words; sizes here are below 2^33. */
static inline uint64_t words_round(uint64_t size)
{
    return (size + 7) & ~UINT64_C(7);
}

static inline void words_read(void *to, const uint64_t *from, size_t size)
{
    char *at = to;
    for (; size >= 8; size -= 8, at += 8, from++) {
        uint64_t word = atom_load(
            from, ACQUIRE); /* pairs with words_write: the sequence must be looked at behind it */
        memcpy(at, &word, 8);
    }
    if (size) {
        uint64_t word = atom_load(from, ACQUIRE);
        memcpy(at, &word, size);
    }
}

/* The next word of `size` bytes, with zeroes behind the last one. Not by a memcpy of `size` bytes,
 * because that is a call for what are two loads. */
static inline uint64_t words_next(const char *from, size_t size)
{
    const unsigned char *byte = (const unsigned char *)from;
    uint64_t word = 0;
    uint32_t low, high;
    if (likely(size >= 8)) {
        memcpy(&word, from, 8);
    } else if (size >= 4) {
        memcpy(&low, from, 4);
        memcpy(&high, from + size - 4, 4);
        word = low | (uint64_t)high << (size - 4) * 8;
    } else if (size) {
        word = byte[0] | (uint64_t)byte[size / 2] << size / 2 * 8 |
               (uint64_t)byte[size - 1] << (size - 1) * 8;
    }
    return word;
}

/* Fills up the last word with zeroes, so that keys can be compared by words. */
static inline void words_write(uint64_t *to, const void *from, size_t size)
{
    const char *at = from;
    for (; size >= 8; size -= 8, at += 8)
        atom_store(to++, words_next(at, 8), RELEASE); /* pairs with words_read */
    if (size)
        atom_store(to, words_next(at, size), RELEASE);
}

/* Are these bytes those that words_write has put there? */
static inline bool words_match(const uint64_t *there, const void *bytes, size_t size)
{
    const char *at = bytes;
    for (; size >= 8; size -= 8, at += 8)
        if (atom_load(there++, ACQUIRE) != words_next(at, 8))
            return false;
    return size == 0 || atom_load(there, ACQUIRE) == words_next(at, size);
}

#endif
