/* The hash of a key: a product of 64 by 64 bits for each word, its halves folded together, begun
 * from the dictionary's own random number, so that nobody outside can choose keys that meet
 * (the folded product is that of Wang Yi's wyhash, 2019). */
#include "dict/dict.h"

#define ODD_A UINT64_C(0x9e3779b97f4a7c15)
#define ODD_B UINT64_C(0xd1342543de82ef95)

__extension__ typedef unsigned __int128 product;

static uint64_t fold(uint64_t a, uint64_t b)
{
    product both = (product)a * b;
    return (uint64_t)both ^ (uint64_t)(both >> 64);
}

uint64_t dict_hash(const void *bytes, size_t size, uint64_t seed)
{
    const char *at = bytes;
    uint64_t hash = seed ^ size;
    for (; size >= 8; size -= 8, at += 8)
        hash = fold(hash ^ words_next(at, 8), ODD_A) + seed;
    if (size)
        hash = fold(hash ^ words_next(at, size), ODD_A);
    return fold(hash ^ ODD_B, ODD_B);
}
