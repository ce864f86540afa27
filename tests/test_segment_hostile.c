/* A segment full of lies: bit flips and bad indexes in everything that a peer can write. No access
 * may go outside (the memory ends at pages that cannot be touched), no call may run for ever. */
#include "harness.h"
#include "segment/segment.h"
#include "share/handle.h"
#include "share/inside.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static uint64_t state = 88172645463325252u;

static uint64_t random_number(uint64_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % below;
}

/* Numbers that break careless code, and offsets that nearly fit. */
static uint64_t a_lie(uint64_t size)
{
    static const uint64_t edges[] = {0,          1,         31,         32,        64,
                                     UINT64_MAX, INT64_MAX, 1ull << 63, 1ull << 46};
    switch (random_number(4)) {
    case 0:
        return edges[random_number(sizeof edges / sizeof *edges)];
    case 1:
        return random_number(size + 4096) & ~31ull;
    case 2:
        return size - random_number(128);
    default:
        return random_number(UINT64_MAX);
    }
}

/* `words` is told to lie in up to four places; the lock's word stays, since whoever holds a lock
 * for ever stops everybody. */
static void tell_lies(char *memory, size_t from, size_t to, size_t lock)
{
    for (uint64_t i = random_number(4) + 1; i > 0; i--) {
        size_t at = from + random_number(to - from);
        if (lock && at / 64 == lock / 64)
            continue;
        if (random_number(2))
            memory[at] ^= (char)(1 << random_number(8));
        else {
            uint64_t lie = a_lie(to);
            memcpy(memory + (at & ~7ull), &lie, sizeof lie);
        }
    }
}

/* ---- the allocator alone, between two pages without access */

enum { HEAP = 32768, START = 4096, BLOCKS = 24 };

static char *guarded(size_t size)
{
    char *start = mmap(NULL, size + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_int_eq(mprotect(start + 4096, size, PROT_READ | PROT_WRITE), 0);
    return start + 4096;
}

static struct heap heap_at(char *memory)
{
    struct heap_head *head = (struct heap_head *)(void *)memory;
    return (struct heap){
        .head = head, .log = {&head->journal, HEAP_SAVED, 0, memory, HEAP}, .start = START};
}

static bool every_second_is_gone(void *arg, uint64_t user)
{
    return user & 1;
}

static void fill(char *memory, uint64_t *blocks)
{
    struct heap heap = heap_at(memory);
    ck_assert_int_eq(heap_begin(&heap), 0);
    ck_assert_int_eq(heap_extend(&heap, HEAP), 0);
    for (int i = 0; i < BLOCKS; i++)
        ck_assert_int_eq(heap_alloc(&heap, 1 + (uint64_t)i * 40, 1000 + (uint64_t)i, &blocks[i]),
                         0);
    for (int i = 0; i < BLOCKS; i += 3)
        ck_assert_int_eq(heap_free(&heap, blocks[i], NULL), 0);
}

static void use_heap(char *memory, const uint64_t *blocks)
{
    struct heap heap = heap_at(memory);
    struct heap_count count;
    uint64_t at, owner;
    if (share_journal_undo(&heap.log) < 0 || heap_begin(&heap) < 0)
        return;
    for (int i = 0; i < 6; i++) {
        uint64_t which = random_number(BLOCKS);
        uint64_t *slot = (uint64_t *)(void *)(memory + START - 8);
        switch (random_number(4)) {
        case 0:
            heap_alloc(&heap, 1 + random_number(3000), 7000, &at);
            break;
        case 1:
            if (heap_owner(&heap, blocks[which], &owner) == 0)
                heap_free(&heap, blocks[which], slot);
            break;
        case 2:
            if (heap_owner(&heap, blocks[which], &owner) == 0)
                heap_keep(&heap, blocks[which], slot, 5);
            break;
        default:
            heap_reap(&heap, every_second_is_gone, NULL);
        }
    }
    heap_verify(&heap, &count);
}

static void lie_to_the_heap(int times)
{
    char *memory = guarded(HEAP), *whole = malloc(HEAP);
    uint64_t blocks[BLOCKS];
    struct heap_count count;
    fill(memory, blocks);
    struct heap heap = heap_at(memory);
    ck_assert_int_eq(heap_begin(&heap), 0);
    ck_assert_int_eq(heap_verify(&heap, &count), 0);
    memcpy(whole, memory, HEAP);
    int found = 0;
    for (int i = 0; i < times; i++) {
        memcpy(memory, whole, HEAP);
        for (uint64_t k = random_number(3); k > 0; k--) /* headers, where they matter most */
            memcpy(memory + blocks[random_number(BLOCKS)] + 8 * random_number(6),
                   &(uint64_t){a_lie(HEAP)}, 8);
        tell_lies(memory, sizeof(struct robust_word), HEAP, 0);
        struct heap now = heap_at(memory);
        found += heap_begin(&now) < 0 || heap_verify(&now, &count) < 0;
        use_heap(memory, blocks);
    }
    ck_assert_int_gt(found, times / 4); /* the others hit what no call reads */
    free(whole);
    munmap(memory - 4096, HEAP + 8192);
}

TEST_LABELED(lies_in_the_allocator, "notsan")
{
    lie_to_the_heap(100000);
}

TEST_LABELED(many_lies_in_the_allocator, "long")
{
    lie_to_the_heap(10000000);
}

/* ---- attaching to a whole one */

enum { WHOLE = SHARE_HEADER + 4096 + 65536 + 4096 };

static void use_segment(plait_segment *segment)
{
    struct heap_count count;
    size_t size = plait_segment_size(segment);
    volatile char *memory = plait_segment_memory(segment);
    memory[size - 1] = memory[0]; /* what may be touched can be touched */
    for (int i = 0; i < 3; i++) {
        volatile char *block = plait_segment_alloc(segment, 1 + random_number(3000));
        if (block)
            *block = 1;
    }
    for (int i = 0; i < 4; i++) {
        uint64_t offset = a_lie(size), length = a_lie(size);
        volatile char *place = plait_segment_at(segment, offset, length);
        if (place && length)
            place[length - 1] = place[0];
    }
    segment_verify(segment, &count);
}

static void ask_users(plait_segment *segment)
{
    struct share_others others;
    struct share_area *area = share_area_of(plait_segment_memory(segment));
    if (!area)
        return;
    share_user_mark(area, 1);
    share_users_others(area, &others);
    share_user_is_gone(area, a_lie(1 << 20));
}

/* The lies are told to a segment that this process has open, too: it stays out of it meanwhile. */
static void lie_to_attachers(int times)
{
    plait_segment_options options = {.limit = 1 << 20};
    plait_segment *segment = plait_segment_open(NULL, 500, &options);
    for (int i = 0; i < 20; i++)
        plait_segment_alloc(segment, 1 + (size_t)i * 100);
    struct share_area *area = share_area_of(plait_segment_memory(segment));
    char *memory = (char *)area->header, *whole = malloc(WHOLE);
    size_t size = SHARE_HEADER + share_area_size(area);
    size = size < WHOLE ? size : WHOLE;
    memcpy(whole, memory, size);
    int attached = 0;
    for (int i = 0; i < times; i++) {
        size_t to = random_number(2) ? 256 : size;
        tell_lies(memory, 0, to, SHARE_HEADER);
        if (random_number(4) == 0)
            ((struct robust_word *)(void *)(memory + SHARE_HEADER))->word = ROBUST_DIED;
        struct share_handle handle = {.kind = "segment",
                                      .file = (uint32_t)os_file_again(area->me.file)};
        plait_segment *peer = share_handle_open(&handle);
        attached += peer != NULL;
        if (peer) {
            use_segment(peer);
            ask_users(peer);
        } else
            ck_assert(errno == PLAIT_EFORMAT || errno == ENOMEM); /* a lie about the limit */
        plait_segment_free(peer);
        memcpy(memory, whole, size);
    }
    ck_assert_int_gt(attached, times / 10);
    ck_assert_int_lt(attached, times);
    free(whole);
    plait_segment_free(segment);
}

/* A hundred thousand, in parts that CTest runs side by side. */
static void part(int number)
{
    state += (uint64_t)number;
    lie_to_attachers(20000);
}
TEST_LABELED(lies_to_those_who_attach_1, "notsan")
{
    part(1);
}
TEST_LABELED(lies_to_those_who_attach_2, "notsan")
{
    part(2);
}
TEST_LABELED(lies_to_those_who_attach_3, "notsan")
{
    part(3);
}
TEST_LABELED(lies_to_those_who_attach_4, "notsan")
{
    part(4);
}
TEST_LABELED(lies_to_those_who_attach_5, "notsan")
{
    part(5);
}

TEST_LABELED(many_lies_to_those_who_attach, "long")
{
    lie_to_attachers(10000000);
}
