/* The segment's cases: its allocator, and the opening of a name. */
#include "segment/segment.h"
#include "kill.h"
#include "os/os.h"
#include "sync/shared_lock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SLOTS = 4, LIMIT = 1 << 20, SMALL = 100, LARGE = 100000, SOME = LARGE / 64, SEEN = 77 };

struct shelf {
    uint64_t slots[SLOTS];
    uint64_t seen;
};
static plait_segment *segment;
static char name[40];

static int prepare(void *memory, void *arg)
{
    struct shelf *shelf = memory;
    shelf->seen = SEEN;
    return 0;
}

static plait_segment *open_it(const char *as)
{
    plait_segment_options options = {.limit = LIMIT, .prepare = prepare};
    return plait_segment_open(as, sizeof(struct shelf), &options);
}

static uint64_t *slot(int i)
{
    return &((struct shelf *)plait_segment_memory(segment))->slots[i];
}

static void put(int i)
{
    plait_segment_keep(segment, plait_segment_alloc(segment, SMALL), slot(i));
}

static void take(int i)
{
    if (*slot(i))
        plait_segment_release(segment, plait_segment_at(segment, *slot(i), SMALL), slot(i));
}

/* ---- blocks */

static void heap_open(void)
{
    segment = open_it(NULL);
}

/* What lies before the memory that plait_segment_memory gives: the heap's head, and 24 KiB of
 * parties. */
enum { BEFORE = 4096 + 24576 };

static struct robust_word *the_lock(void)
{
    return (struct robust_word *)((char *)plait_segment_memory(segment) - BEFORE);
}

/* Three kept blocks side by side: the middle one's release has neighbours of both kinds. */
static void heap_fresh(void)
{
    for (int i = 0; i < SLOTS; i++)
        take(i);
    for (int i = 0; i < SLOTS - 1; i++)
        put(i);
}

static void heap_block(void)
{
    if (shared_lock_acquire(the_lock(), PLAIT_NEVER, NULL))
        _exit(1);
}

static void heap_unblock(void)
{
    shared_lock_release(the_lock(), NULL);
}

static int heap_use(int64_t deadline, int64_t *got_at)
{
    void *block = plait_segment_alloc(segment, SMALL);
    *got_at = plait_now();
    if (!block)
        return -errno;
    plait_segment_release(segment, block, NULL);
    return 0;
}

/* A slot and the owner of its block change in one step: as many are kept as there are names. */
static bool heap_is_sound(void)
{
    struct heap_count count;
    uint32_t named = 0;
    for (int i = 0; i < SLOTS; i++)
        named += *slot(i) != 0;
    return segment_verify(segment, &count) == 0 && count.kept == named && count.owned == 0;
}

static void alloc_small(void)
{
    plait_segment_alloc(segment, SMALL);
}

static void alloc_large(void)
{
    plait_segment_alloc(segment, LARGE);
}

static void keep(void)
{
    put(SLOTS - 1);
}

static void release_middle(void)
{
    take(1);
}

static void release_first_and_middle(void)
{
    take(0);
    take(1);
}

static void release_own(void)
{
    plait_segment_release(segment, plait_segment_alloc(segment, SMALL), NULL);
}

/* ---- repairs: what a dead one was changing is taken back, what it had is given back */
static uint64_t journaled(void)
{
    const struct heap_head *head = (const struct heap_head *)(const void *)the_lock();
    return __atomic_load_n(&head->journal.count, __ATOMIC_ACQUIRE);
}

static bool is_begun(void)
{
    return journaled() >= 1;
}

static bool is_half_done(void)
{
    return journaled() >= 8;
}

static void fresh_half_allocated(void)
{
    heap_fresh();
    dead_leave(NULL, alloc_small, is_half_done);
}

static void fresh_half_kept(void)
{
    heap_fresh();
    dead_leave(NULL, keep, is_begun);
}

static void fresh_half_released(void)
{
    heap_fresh();
    dead_leave(NULL, release_middle, is_half_done);
}

static void alloc_some(void)
{
    plait_segment_alloc(segment, SOME);
}

static void take_all(void)
{
    for (size_t size = LARGE; size >= SOME; size /= 8)
        while (plait_segment_alloc(segment, size))
            ;
}

/* All that there is was a dead one's. */
static void fresh_all_taken(void)
{
    heap_fresh();
    dead_leave(take_all, alloc_some, NULL);
}

static const struct kill_noun heap_noun = {
    .open = heap_open,
    .fresh = heap_fresh,
    .block = heap_block,
    .unblock = heap_unblock,
    .use = heap_use,
    .is_sound = heap_is_sound,
    .endless = true,
};

#define DEAD(noun, begin)                                                                          \
    static const struct kill_noun noun = {                                                         \
        .open = heap_open,                                                                         \
        .fresh = begin,                                                                            \
        .use = heap_use,                                                                           \
        .is_sound = heap_is_sound,                                                                 \
        .endless = true,                                                                           \
    }
DEAD(half_allocated, fresh_half_allocated);
DEAD(half_kept, fresh_half_kept);
DEAD(half_released, fresh_half_released);
DEAD(all_taken, fresh_all_taken);

/* ---- names */

static void name_open(void)
{
    snprintf(name, sizeof name, "kill-%d", getpid());
}

static void name_held(void)
{
    name_open();
    segment = open_it(name);
}

static void name_fresh(void)
{
}

static int name_use(int64_t deadline, int64_t *got_at)
{
    plait_segment *mine = open_it(name);
    *got_at = plait_now();
    if (!mine)
        return -errno;
    bool is_prepared = ((struct shelf *)plait_segment_memory(mine))->seen == SEEN;
    bool is_same = !segment || *(uint64_t *)plait_segment_memory(mine) ==
                                   *(uint64_t *)plait_segment_memory(segment);
    plait_segment_free(mine);
    return is_prepared && is_same ? 0 : -EINVAL;
}

/* Whoever attaches finds what the harness has written. */
static void held_fresh(void)
{
    *(uint64_t *)plait_segment_memory(segment) = (uint64_t)getpid();
}

static void open_and_leave(void)
{
    plait_segment_free(open_it(name));
}

static const struct kill_noun name_noun = {
    .open = name_open, .fresh = name_fresh, .use = name_use, .endless = true};
static const struct kill_noun held_noun = {
    .open = name_held, .fresh = held_fresh, .use = name_use, .endless = true};

/* A name that its maker left behind: a file that is still empty; one that tells of a memory and of
 * nobody who has it; one that tells of a dead one. */
static long file_size(void)
{
    char path[80];
    struct stat look;
    snprintf(path, sizeof path, "/dev/shm/plait-%u-%s", geteuid(), name);
    return stat(path, &look) == 0 ? (long)look.st_size : -1;
}

static bool is_empty(void)
{
    return file_size() == 0;
}

static bool is_filled(void)
{
    return file_size() > 0;
}

static void open_and_stay(void)
{
    if (!open_it(name))
        _exit(1);
}

static void fresh_empty_name(void)
{
    dead_leave(NULL, open_and_stay, is_empty);
}

static void fresh_filled_name(void)
{
    dead_leave(NULL, open_and_stay, is_filled);
}

static void fresh_stale_name(void)
{
    dead_leave(NULL, open_and_stay, NULL);
}

static const struct kill_noun empty_name = {
    .open = name_open, .fresh = fresh_empty_name, .use = name_use, .endless = true};
static const struct kill_noun filled_name = {
    .open = name_open, .fresh = fresh_filled_name, .use = name_use, .endless = true};
static const struct kill_noun stale_name = {
    .open = name_open, .fresh = fresh_stale_name, .use = name_use, .endless = true};

#define HEAP(text) .name = "segment: " text, .noun = &heap_noun
#define NAME(text, which) .name = "segment: " text, .noun = &which

const struct kill_case kill_segment_cases[] = {
    {HEAP("allocate"), .operate = alloc_small},
    {HEAP("allocate and grow"), .operate = alloc_large},
    {HEAP("keep"), .operate = keep},
    {HEAP("release between two"), .operate = release_middle},
    {HEAP("release twice"), .operate = release_first_and_middle},
    {HEAP("release one's own"), .operate = release_own},
    {HEAP("allocate, waiting"), .operate = alloc_small, .contended = true},
    {NAME("make by name", name_noun), .operate = open_and_leave},
    {NAME("attach by name", held_noun), .operate = open_and_leave},
    {NAME("repair of an allocate", half_allocated), .operate = alloc_small},
    {NAME("repair of a keep", half_kept), .operate = keep},
    {NAME("repair of a release", half_released), .operate = release_middle},
    {NAME("repair, a dead one's blocks", all_taken), .operate = alloc_some},
    {NAME("repair of an empty name", empty_name), .operate = open_and_leave},
    {NAME("repair of a name of nobody", filled_name), .operate = open_and_leave},
    {NAME("repair of a dead one's name", stale_name), .operate = open_and_leave},
    {0},
};
