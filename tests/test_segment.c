/* plait_segment: memory with a name and blocks inside. */
#include "crew.h"
#include "segment/segment.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SLOTS = 64, LIMIT = 4 << 20 };

struct book {
    plait_lock lock;
    uint64_t slots[SLOTS];
    uint64_t go;
};

static int prepare(void *memory, void *arg)
{
    plait_lock_init(&((struct book *)memory)->lock, PLAIT_SHARED);
    return arg ? *(int *)arg : 0;
}

static plait_segment *book(const char *name)
{
    plait_segment_options options = {.limit = LIMIT, .prepare = prepare};
    plait_segment *segment = plait_segment_open(name, sizeof(struct book), &options);
    ck_assert_msg(segment != NULL, "%s", strerror(errno));
    return segment;
}

static struct book *pages(plait_segment *segment)
{
    return plait_segment_memory(segment);
}

static struct heap_count sound(plait_segment *segment)
{
    struct heap_count count;
    ck_assert_int_eq(segment_verify(segment, &count), 0);
    return count;
}

static uint32_t slots_in_use(plait_segment *segment)
{
    uint32_t count = 0;
    for (int i = 0; i < SLOTS; i++)
        count += pages(segment)->slots[i] != 0;
    return count;
}

static bool all_are(const unsigned char *block, size_t size, unsigned char value)
{
    for (size_t i = 0; i < size; i++)
        if (block[i] != value)
            return false;
    return true;
}

TEST(blocks_are_zeroed_apart_and_come_back)
{
    plait_segment *segment = book(NULL);
    unsigned char *blocks[SLOTS];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < SLOTS; i++) {
            size_t size = 1 + (size_t)i * (size_t)i * 7;
            blocks[i] = plait_segment_alloc(segment, size);
            ck_assert_ptr_nonnull(blocks[i]);
            ck_assert_uint_eq((uintptr_t)blocks[i] % 32, 0);
            ck_assert(all_are(blocks[i], size, 0));
            memset(blocks[i], i + 1, size);
        }
        sound(segment);
        for (int i = 0; i < SLOTS; i++)
            ck_assert(all_are(blocks[i], 1 + (size_t)i * (size_t)i * 7, (unsigned char)(i + 1)));
        for (int i = 0; i < SLOTS; i++)
            plait_segment_release(segment, blocks[(i * 37) % SLOTS], NULL);
        sound(segment);
    }
    plait_segment_release(segment, NULL, NULL);
    ck_assert_uint_lt(plait_segment_size(segment), 1 << 20);
    plait_segment_free(segment);
    plait_segment_free(NULL);
}

TEST(it_grows_to_its_limit_and_no_further)
{
    plait_segment *segment = book(NULL);
    size_t all = 0;
    void *block;
    errno = 0;
    for (; (block = plait_segment_alloc(segment, 100000)) != NULL; all += 100000)
        ck_assert_ptr_eq(plait_segment_at(segment, plait_segment_offset(segment, block), 100000),
                         block);
    ck_assert_int_eq(errno, ENOSPC);
    ck_assert_uint_gt(all, LIMIT / 10 * 9);
    ck_assert_uint_le(plait_segment_size(segment), LIMIT + 4096);
    sound(segment);
    errno = 0;
    ck_assert_ptr_null(plait_segment_alloc(segment, 0));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_ptr_null(plait_segment_alloc(segment, SIZE_MAX));
    ck_assert_int_eq(errno, ENOSPC);
    ck_assert_ptr_null(plait_segment_alloc(segment, SIZE_MAX / 4));
    ck_assert_int_eq(errno, ENOSPC);
    sound(segment);
    plait_segment_free(segment);
}

TEST(what_is_no_segment)
{
    static const struct {
        const char *name;
        size_t size;
        plait_segment_options options;
        int error;
    } bad[] = {
        {"a", 0, {0}, EINVAL},
        {"a", SIZE_MAX, {0}, EINVAL},
        {"a", 100, {.limit = 99}, EINVAL},
        {"a", 100, {.limit = SIZE_MAX}, EINVAL},
        {"a", 100, {.must_create = true, .must_exist = true}, EINVAL},
        {"a", 100, {.reserved = {(void *)1}}, EINVAL},
        {"a/b", 100, {0}, EINVAL},
        {"", 100, {0}, EINVAL},
        {"test-segment-none", 100, {.must_exist = true}, ENOENT},
        {"shm:test-segment-none?attach", 100, {0}, ENOENT},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        errno = 0;
        ck_assert_ptr_null(plait_segment_open(bad[i].name, bad[i].size, &bad[i].options));
        ck_assert_int_eq(errno, bad[i].error);
    }
    int fails = ENOMSG;
    plait_segment_options options = {.prepare = prepare, .arg = &fails};
    ck_assert_ptr_null(plait_segment_open("test-segment-none", sizeof(struct book), &options));
    ck_assert_int_eq(errno, ENOMSG);
    ck_assert_int_ne(access("/dev/shm/plait-0-test-segment-none", F_OK), 0);
}

TEST(a_name_is_one_segment)
{
    plait_segment *one = book("test-segment-a"), *two = book("shm:test-segment-a");
    uint64_t *slot = &pages(one)->slots[3];
    char *text = plait_segment_alloc(one, 6);
    memcpy(text, "hello", 6);
    plait_segment_keep(one, text, slot);
    ck_assert_str_eq(plait_segment_at(two, pages(two)->slots[3], 6), "hello");
    plait_segment_release(two, plait_segment_at(two, pages(two)->slots[3], 6),
                          &pages(two)->slots[3]);
    ck_assert_uint_eq(*slot, 0);
    sound(one);
    plait_segment_options other = {.limit = LIMIT, .layout = 1};
    errno = 0;
    ck_assert_ptr_null(plait_segment_open("test-segment-a", sizeof(struct book), &other));
    ck_assert_int_eq(errno, PLAIT_EFORMAT);
    other = (plait_segment_options){.limit = LIMIT, .must_create = true};
    ck_assert_ptr_null(plait_segment_open("test-segment-a", sizeof(struct book), &other));
    ck_assert_int_eq(errno, EEXIST);
    plait_segment_free(one);
    plait_segment_free(two);
}

TEST(bounds)
{
    plait_segment *segment = book(NULL);
    size_t size = plait_segment_size(segment);
    ck_assert_ptr_eq(plait_segment_at(segment, 0, size), plait_segment_memory(segment));
    ck_assert_ptr_null(plait_segment_at(segment, 0, size + 1));
    ck_assert_ptr_null(plait_segment_at(segment, size, 1));
    ck_assert_ptr_null(plait_segment_at(segment, UINT64_MAX, 1));
    ck_assert_ptr_null(plait_segment_at(segment, UINT64_MAX - 4095, 4096));
    ck_assert_ptr_null(plait_segment_at(segment, 8, SIZE_MAX));
    ck_assert_uint_eq(plait_segment_offset(segment, (char *)plait_segment_memory(segment) + 9), 9);
    plait_segment_free(segment);
}

/* As a daemon that closes all it did not open. */
static void close_all(void *arg)
{
    plait_segment *segment = book("test-segment-c");
    void *block = plait_segment_alloc(segment, 100);
    for (int i = 3; i < 200; i++)
        close(i);
    errno = 0;
    fprintf(stderr, block && !plait_segment_alloc(segment, 100) && errno == EBADF ? "told" : "no");
    plait_segment_free(segment);
}

static void keep_closed(void *arg)
{
    plait_segment *segment = book("test-segment-c");
    void *block = plait_segment_alloc(segment, 100);
    close_range(3, 200, 0);
    plait_segment_keep(segment, block, &pages(segment)->slots[0]);
}

static void release_closed(void *arg)
{
    plait_segment *segment = book("test-segment-c");
    void *block = plait_segment_alloc(segment, 100);
    close_range(3, 200, 0);
    plait_segment_release(segment, block, NULL);
}

TEST_LABELED(closed_descriptors_are_told, "process")
{
    harness_dies(keep_closed, NULL, "because the program closed plait's descriptor");
    harness_dies(release_closed, NULL, "because the program closed plait's descriptor");
    plait_segment *segment = book("test-segment-c");
    char text[256];
    harness_fork(close_all, NULL, text, sizeof text);
    ck_assert_str_eq(text, "told");
    ck_assert_uint_eq(sound(segment).owned, 0);
    plait_segment_free(segment);
}

/* ---- misuse */

static void offset_outside(void *arg)
{
    plait_segment_offset(book(NULL), &arg);
}
static void keep_twice(void *arg)
{
    plait_segment *segment = book(NULL);
    void *block = plait_segment_alloc(segment, 8);
    plait_segment_keep(segment, block, &pages(segment)->slots[0]);
    plait_segment_keep(segment, block, &pages(segment)->slots[1]);
}
static void keep_in_used(void *arg)
{
    plait_segment *segment = book(NULL);
    plait_segment_keep(segment, plait_segment_alloc(segment, 8), &pages(segment)->slots[0]);
    plait_segment_keep(segment, plait_segment_alloc(segment, 8), &pages(segment)->slots[0]);
}
static void keep_outside(void *arg)
{
    plait_segment *segment = book(NULL);
    uint64_t slot = 0;
    plait_segment_keep(segment, plait_segment_alloc(segment, 8), &slot);
}
static void keep_the_middle(void *arg)
{
    plait_segment *segment = book(NULL);
    char *block = plait_segment_alloc(segment, 800);
    plait_segment_keep(segment, block + 32, &pages(segment)->slots[0]);
}
static void release_twice(void *arg)
{
    plait_segment *segment = book(NULL);
    void *block = plait_segment_alloc(segment, 8);
    plait_segment_release(segment, block, NULL);
    plait_segment_release(segment, block, NULL);
}
static void release_kept(void *arg)
{
    plait_segment *segment = book(NULL);
    void *block = plait_segment_alloc(segment, 8);
    plait_segment_keep(segment, block, &pages(segment)->slots[0]);
    plait_segment_release(segment, block, NULL);
}
static void release_other_slot(void *arg)
{
    plait_segment *segment = book(NULL);
    void *block = plait_segment_alloc(segment, 8);
    plait_segment_keep(segment, block, &pages(segment)->slots[0]);
    plait_segment_release(segment, block, &pages(segment)->slots[1]);
}
static void free_with_lock(void *arg)
{
    plait_segment *segment = book(NULL);
    if (plait_lock_acquire(&pages(segment)->lock, PLAIT_NEVER) == 0)
        plait_segment_free(segment);
}

TEST_LABELED(misuse_is_told, "process")
{
    harness_dies(offset_outside, NULL, "does not lie in it");
    harness_dies(keep_twice, NULL, "kept that this process has not allocated");
    harness_dies(keep_in_used, NULL, "kept in no slot of it, or one that is not 0");
    harness_dies(keep_outside, NULL, "kept in no slot of it");
    harness_dies(keep_the_middle, NULL, "kept that this process has not allocated");
    harness_dies(release_twice, NULL, "is none, or was released before");
    harness_dies(release_kept, NULL, "without a slot that this process has not allocated");
    harness_dies(release_other_slot, NULL, "from a slot that does not name it");
    harness_dies(free_with_lock, NULL, "a lock inside");
}

/* ---- deaths */

static void allocate_and_die(void *arg)
{
    plait_segment *segment = book("test-segment-b");
    for (int i = 0; i < 20; i++)
        plait_segment_alloc(segment, 30000);
    char *kept = plait_segment_alloc(segment, 100);
    memcpy(kept, "kept", 5);
    plait_segment_keep(segment, kept, &pages(segment)->slots[0]);
    raise(SIGKILL);
}

TEST_LABELED(a_dead_process_gives_back_what_was_not_kept, "process")
{
    plait_segment *segment = book("test-segment-b");
    char text[200];
    size_t size = 0;
    for (int i = 0; i < 20; i++) {
        pages(segment)->slots[0] = 0;
        harness_fork(allocate_and_die, NULL, text, sizeof text);
        sound(segment);
        ck_assert_str_eq(plait_segment_at(segment, pages(segment)->slots[0], 5), "kept");
        plait_segment_release(segment, plait_segment_at(segment, pages(segment)->slots[0], 5),
                              &pages(segment)->slots[0]);
        if (i == 2)
            size = plait_segment_size(segment);
    }
    ck_assert_uint_le(plait_segment_size(segment), size);
    plait_segment_free(segment);
}

/* Each exchanges blocks with slots at random: owned, kept, released. The stamp in a block tells
 * whether two ever had it. */
static void exchange(plait_segment *segment, uint32_t *random)
{
    struct book *own = pages(segment);
    *random = *random * 1664525 + 1013904223;
    int slot = (int)(*random >> 8) % SLOTS;
    size_t size = 16 + (*random >> 16) % 2000;
    uint64_t *block = plait_segment_alloc(segment, size);
    if (!block)
        return;
    block[0] = size;
    int rc = plait_lock_acquire(&own->lock, PLAIT_NEVER);
    if (rc == -EOWNERDEAD)
        plait_lock_mend(&own->lock);
    uint64_t *old = plait_segment_at(segment, own->slots[slot], 16);
    if (own->slots[slot]) {
        if (!old || old[0] < 16 || old[0] > 2016)
            abort();
        plait_segment_release(segment, old, &own->slots[slot]);
    }
    if (*random >> 28)
        plait_segment_keep(segment, block, &own->slots[slot]);
    plait_lock_release(&own->lock);
    if (!(*random >> 28))
        plait_segment_release(segment, block, NULL);
}

static int exchange_for_ever(void *arg)
{
    plait_segment *segment = arg;
    uint32_t random = (uint32_t)getpid();
    while (!__atomic_load_n(&pages(segment)->go, __ATOMIC_RELAXED))
        exchange(segment, &random);
    return 0;
}

static int exchange_often(void *arg)
{
    uint32_t random = (uint32_t)(uintptr_t)&random;
    for (int i = 0; i < 300; i++)
        exchange(arg, &random);
    return 0;
}

TEST_CARRIERS(many_exchange_blocks)
{
    plait_segment *segment = book(NULL);
    crew_run(carrier, 4, exchange_often, segment);
    sound(segment);
    plait_segment_free(segment);
}

/* Of one that has been killed, or told to end: an abort of its own is a fault that it has found. */
static int status_of(plait_task *task)
{
    int status = 1;
    ck_assert_int_eq(plait_join(task, &status, PLAIT_NEVER), 0);
    return status;
}

static void kills(int rounds)
{
    plait_segment *segment = book(NULL);
    plait_task *tasks[3];
    uint32_t random = 1;
    size_t size = 0;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(plait_start(&tasks[i], PLAIT_PROCESS, exchange_for_ever, segment, NULL),
                         0);
    for (int i = 0; i < rounds; i++) {
        random = random * 1664525 + 1013904223;
        plait_sleep(plait_after((random >> 8) % 2000000));
        kill(plait_task_pid(tasks[i % 3]), SIGKILL);
        sound(segment);
        ck_assert_int_eq(status_of(tasks[i % 3]), PLAIT_KILLED(SIGKILL));
        ck_assert_int_eq(
            plait_start(&tasks[i % 3], PLAIT_PROCESS, exchange_for_ever, segment, NULL), 0);
        sound(segment);
        if (i == rounds / 2)
            size = plait_segment_size(segment);
    }
    __atomic_store_n(&pages(segment)->go, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(status_of(tasks[i]), 0);
    struct heap_count count = sound(segment);
    ck_assert_uint_eq(count.kept, slots_in_use(segment));
    ck_assert_uint_eq(count.owned, 0);
    if (rounds > 100)
        ck_assert_uint_le(plait_segment_size(segment), size * 2);
    plait_segment_free(segment);
}

TEST_LABELED(kills_at_random_moments, "process")
{
    kills(60);
}

TEST_LABELED(ten_thousand_kills, "process long")
{
    kills(10000);
}
