/* Room for the messages of a shared stock: a map with a bit for each granule.
 *
 * In one piece, because a message may be written and read where it lies. The search goes on where
 * the last one ended, so that a queue in order finds room at once. There are twice as many granules
 * as messages may need, because what is left between two may be too small for the next. */
#include "queue/shared_stock.h"

size_t shared_room_granules(size_t size)
{
    return (size + MESSAGE_HEAD + GRANULE - 1) / GRANULE;
}

size_t shared_room_all(size_t bytes, size_t capacity)
{
    return 2 * shared_room_granules(bytes) + capacity;
}

size_t shared_room_map(size_t granules)
{
    return (granules + 511) / 512 * 64;
}

static uint64_t *map_of(const plait_queue *queue)
{
    return (uint64_t *)(void *)(queue->shared.head->cells + queue->shared.map);
}

/* The first bit from `at` on that is set, or not; `end`: none. */
static size_t next_bit(const uint64_t *map, size_t at, size_t end, bool set)
{
    while (at < end) {
        uint64_t word = set ? map[at / 64] : ~map[at / 64];
        word &= ~UINT64_C(0) << at % 64;
        if (word) {
            at = at / 64 * 64 + (size_t)__builtin_ctzll(word);
            return at < end ? at : end;
        }
        at = (at / 64 + 1) * 64;
    }
    return end;
}

/* So many clear bits in a row; `end`: there are none. */
static size_t find_run(const uint64_t *map, size_t at, size_t end, size_t want)
{
    while ((at = next_bit(map, at, end, false)) + want <= end) {
        size_t taken = next_bit(map, at, at + want, true);
        if (taken == at + want)
            return at;
        at = taken;
    }
    return end;
}

/* Up to 64 bits, which stand in one word or in two. */
struct few {
    uint64_t *word, low, high;
};
static inline struct few few_of(uint64_t *map, size_t at, size_t count)
{
    uint64_t bits = ~UINT64_C(0) >> (64 - count);
    return (struct few){&map[at / 64], bits << at % 64, bits >> 1 >> (63 - at % 64)};
}

static void mark(plait_queue *queue, size_t at, size_t count, bool set)
{
    uint64_t *map = map_of(queue);
    for (size_t end = at + count; at < end;) {
        size_t bits = 64 - at % 64 < end - at ? 64 - at % 64 : end - at;
        uint64_t mask = (bits == 64 ? ~UINT64_C(0) : (UINT64_C(1) << bits) - 1) << at % 64;
        map[at / 64] = set ? map[at / 64] | mask : map[at / 64] & ~mask;
        at += bits;
    }
}

/* The usual case: the granules behind the last ones are free, and are few. */
static inline bool take_next(uint64_t *map, size_t at, size_t end, size_t want)
{
    if (want > 64 || want > end || at > end - want)
        return false;
    struct few few = few_of(map, at, want);
    if (few.word[0] & few.low || (few.high && few.word[1] & few.high))
        return false;
    few.word[0] |= few.low;
    if (few.high)
        few.word[1] |= few.high;
    return true;
}

bool shared_room_take(plait_queue *queue, size_t size, uint64_t *at)
{
    struct shared *shared = &queue->shared;
    struct shared_stock *stock = shared_stock(shared);
    size_t want = shared_room_granules(size), all = shared->granules;
    size_t from = atom_load(&stock->cursor, RELAXED); /* once, since a peer may change it */
    uint64_t *map = map_of(queue);
    if (stock->used > shared->bytes || size > shared->bytes - stock->used)
        return false;
    if (likely(take_next(map, from, all, want))) {
        *at = from;
    } else {
        size_t found = find_run(map, from < all ? from : 0, all, want);
        if (found == all)
            found = find_run(map, 0, all, want);
        if (found == all)
            return false;
        mark(queue, found, want, true);
        *at = found;
    }
    stock->used += size;
    stock->cursor = *at + want;
    return true;
}

bool shared_room_is(const plait_queue *queue, uint64_t at, uint64_t size)
{
    const struct shared *shared = &queue->shared;
    return size <= shared->bytes && at < shared->granules &&
           shared_room_granules(size) <= shared->granules - at;
}

void shared_room_keep(plait_queue *queue, uint64_t at, uint64_t size)
{
    if (!shared_room_is(queue, at, size))
        return;
    mark(queue, at, shared_room_granules(size), true);
    shared_stock(&queue->shared)->used += size;
}

void shared_room_give(plait_queue *queue, uint64_t at, uint64_t size)
{
    struct shared_stock *stock = shared_stock(&queue->shared);
    if (!shared_room_is(queue, at, size))
        return;
    size_t count = shared_room_granules(size);
    if (likely(count <= 64)) {
        struct few few = few_of(map_of(queue), at, count);
        few.word[0] &= ~few.low;
        if (few.high)
            few.word[1] &= ~few.high;
    } else {
        mark(queue, at, count, false);
    }
    stock->used -= stock->used < size ? stock->used : size;
}

void shared_room_clear(plait_queue *queue)
{
    struct shared *shared = &queue->shared;
    if (shared->granules)
        mark(queue, 0, shared->granules, false);
    shared_stock(shared)->used = 0;
}
