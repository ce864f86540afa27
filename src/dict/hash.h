/* The hash of a key: a product of 64 by 64 bits for each word, its halves folded together, begun
 * from the dictionary's own random number, so that nobody outside can choose keys that meet
 * (the folded product is that of Wang Yi's wyhash, 2019). */
#ifndef DICT_HASH_H
#define DICT_HASH_H

#include "dict/words.h"

#define DICT_ODD_A UINT64_C(0x9e3779b97f4a7c15)
#define DICT_ODD_B UINT64_C(0xd1342543de82ef95)

__extension__ typedef unsigned __int128 dict_product;

static inline uint64_t dict_fold(uint64_t a, uint64_t b)
{
    dict_product both = (dict_product)a * b;
    return (uint64_t)both ^ (uint64_t)(both >> 64);
}

static inline uint64_t dict_hash(const void *bytes, size_t size, uint64_t seed)
{
    const char *at = bytes;
    uint64_t hash = seed ^ size;
    for (; size >= 8; size -= 8, at += 8)
        hash = dict_fold(hash ^ words_next(at, 8), DICT_ODD_A) + seed;
    if (size)
        hash = dict_fold(hash ^ words_next(at, size), DICT_ODD_A);
    return dict_fold(hash ^ DICT_ODD_B, DICT_ODD_B);
}

#endif
