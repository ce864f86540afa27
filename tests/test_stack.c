/* base: the stacks of coroutines. */
#include "base/atomic.h"
#include "base/stack.h"
#include "harness.h"
#include "os/os.h"
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, MANY = 10000 };
#define MILLISECOND INT64_C(1000000)

static char *take(size_t size, size_t expected)
{
    char *stack = base_stack_take(&size);
    ck_assert_ptr_nonnull(stack);
    ck_assert_uint_eq(size, expected);
    ck_assert_uint_eq((uintptr_t)stack % PAGE, 0);
    return stack;
}

/* ---- sizes */

TEST(stack_sizes_are_rounded_up_to_classes)
{
    static const size_t rows[][2] = {{0, 16384},        {1, 16384},       {16384, 16384},
                                     {16385, 32768},    {65536, 65536},   {65537, 131072},
                                     {262144, 262144},  {262145, 524288}, {(1 << 29) + 1, 1 << 30},
                                     {1 << 30, 1 << 30}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *stack = take(rows[i][0], rows[i][1]);
        stack[PAGE] = stack[rows[i][1] - 1] = 1;
        base_stack_give(stack, rows[i][1]);
    }
}

TEST(stack_refuses_what_is_too_large)
{
    static const size_t rows[] = {((size_t)1 << 30) + 1, (size_t)1 << 40, (size_t)1 << 63,
                                  SIZE_MAX};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t size = rows[i];
        ck_assert_ptr_null(base_stack_take(&size));
        ck_assert_uint_eq(size, rows[i]);
    }
}

static size_t process_size(int column)
{
    unsigned long pages[2] = {0, 0};
    FILE *statm = fopen("/proc/self/statm", "r");
    ck_assert_int_eq(fscanf(statm, "%lu %lu", &pages[0], &pages[1]), 2);
    fclose(statm);
    return pages[column] * PAGE;
}

static void take_with_little_space(void *arg)
{
    struct rlimit limit = {200 << 20, 200 << 20};
    size_t size = 16 << 20, count = 0;
    setrlimit(RLIMIT_AS, &limit);
    while (base_stack_take(&size))
        count++;
    fprintf(stderr, "%zu", count);
}

/* The first chunk would be 16 stacks of 16 MB: it must shrink, not fail. */
TEST_LABELED(stack_makes_do_with_little_address_space, "process")
{
    char text[100];
    if (process_size(0) > 100 << 20)
        harness_skip("a sanitizer has taken more address space than the limit");
    ck_assert_int_eq(harness_fork(take_with_little_space, NULL, text, sizeof text), 0);
    ck_assert_int_ge(atoi(text), 4);
    ck_assert_int_le(atoi(text), 12);
}

/* ---- use again */

TEST(stack_given_last_is_taken_first)
{
    char *a = take(65536, 65536), *b = take(65536, 65536), *c = take(65536, 65536);
    ck_assert(a != b && b != c && a != c);
    base_stack_give(b, 65536);
    base_stack_give(a, 65536);
    ck_assert_ptr_eq(take(65536, 65536), a);
    ck_assert_ptr_eq(take(65000, 65536), b);
    char *other = take(131072, 131072);
    ck_assert(other + 131072 <= c || c + 65536 <= other);
    base_stack_give(c, 65536);
    ck_assert(take(131072, 131072) != c);
}

static char *held[MANY];

static int by_address(const void *a, const void *b)
{
    const char *x = *(char *const *)a, *y = *(char *const *)b;
    return (x > y) - (x < y);
}

TEST(stacks_do_not_overlap)
{
    for (int i = 0; i < MANY; i++)
        held[i] = take(i % 2 ? 32768 : 30000, 32768);
    qsort(held, MANY, sizeof held[0], by_address);
    for (int i = 1; i < MANY; i++)
        ck_assert_int_ge(held[i] - held[i - 1], 32768);
    for (int i = 0; i < MANY; i++)
        base_stack_give(held[i], 32768);
}

static int count_mappings(void)
{
    char line[600];
    int count = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps))
        count += strchr(line, '\n') != NULL;
    fclose(maps);
    return count;
}

TEST(stacks_need_few_mappings)
{
    take(262144, 262144);
    if (!os_has(OS_GUARD))
        harness_skip("guards cost a mapping each here");
    int before = count_mappings();
    for (int i = 0; i < MANY; i++)
        take(262144, 262144)[262144 - 1] = 1;
    ck_assert_int_lt(count_mappings() - before, 20);
}

/* Nothing but what the owner writes may become dirty: neither by taking nor by giving. */
TEST(stacks_cost_no_memory_by_themselves)
{
    take(65536, 65536);
    size_t before = process_size(1);
    for (int i = 0; i < MANY; i++)
        held[i] = take(65536, 65536);
    for (int i = 0; i < MANY; i++)
        base_stack_give(held[i], 65536);
    ck_assert_uint_lt(process_size(1) - before, (size_t)MANY * PAGE / 2);
}

/* ---- guards */

static bool can_write(char *address)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    bool can = read(ends[0], address, 1) == 1;
    close(ends[0]);
    close(ends[1]);
    return can;
}

TEST(stack_has_a_guard_from_its_first_use_on)
{
    for (int i = 0; i < 100; i++) {
        char *stack = take(16384, 16384);
        ck_assert(!can_write(stack));
        ck_assert(!can_write(stack + PAGE - 1));
        ck_assert(can_write(stack + PAGE));
        ck_assert(can_write(stack + 16384 - 1));
        held[i] = stack;
    }
    for (int i = 0; i < 100; i++)
        base_stack_give(held[i], 16384);
    ck_assert(!can_write(held[0]));
    ck_assert(!can_write(take(16384, 16384)));
}

TEST(stack_of_guard_finds_stacks_in_use)
{
    size_t size = 7;
    char *stack = take(32768, 32768), *other = take(1 << 20, 1 << 20);
    ck_assert_ptr_eq(base_stack_of_guard(stack, &size), stack);
    ck_assert_uint_eq(size, 32768);
    ck_assert_ptr_eq(base_stack_of_guard(stack + PAGE - 1, &size), stack);
    ck_assert_ptr_eq(base_stack_of_guard(other + 100, &size), other);
    ck_assert_uint_eq(size, 1 << 20);
    ck_assert_ptr_null(base_stack_of_guard(stack + PAGE, &size));
    ck_assert_ptr_null(base_stack_of_guard(stack + 32768 - 1, &size));
    ck_assert_ptr_null(
        base_stack_of_guard(stack + 32768, &size)); /* the next one: nobody took it */
    ck_assert_ptr_null(base_stack_of_guard(&size, &size));
    ck_assert_ptr_null(base_stack_of_guard(NULL, &size));
    ck_assert_uint_eq(size, 1 << 20);
    base_stack_give(stack, 32768);
    ck_assert_ptr_null(base_stack_of_guard(stack, &size));
    ck_assert_ptr_eq(take(32768, 32768), stack);
    ck_assert_ptr_eq(base_stack_of_guard(stack, &size), stack);
}

static char *volatile overflowing;

static void on_overflow(int number, siginfo_t *info, void *context)
{
    size_t size = 0;
    bool right = base_stack_of_guard(info->si_addr, &size) == overflowing && size == 16384;
    _exit(right ? 33 : 44);
}

static void overflow(void *arg)
{
    struct sigaction action = {.sa_sigaction = on_overflow, .sa_flags = SA_SIGINFO};
    overflowing = take(16384, 16384);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    for (volatile char *at = overflowing + 16384 - 1;; at -= 8)
        *at = 1;
}

TEST_LABELED(stack_overflow_is_told_by_the_handler, "process")
{
    char text[500];
    int status = harness_fork(overflow, NULL, text, sizeof text);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 33, "%#x %s", status, text);
}

/* Twenty mappings that are not merged, to be given back in one go. */
static char *spend_mappings(void)
{
    char *all = mmap(NULL, 20 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 20; i += 2)
        mprotect(all + i * PAGE, PAGE, PROT_NONE);
    return all;
}

static void run_out_of_mappings(void *arg)
{
    size_t size = 16384;
    int count = 0;
    char *spent = spend_mappings(), *last = NULL, *next;
    os_hide("-guard");
    for (; count < 100000 && (next = base_stack_take(&size)); count++)
        last = next;
    bool still_none = !base_stack_take(&size) && !base_stack_take(&size);
    munmap(spent, 20 * PAGE);
    bool same = base_stack_take(&size) == last + 16384;
    fprintf(stderr, "%d %s %s", count, still_none ? "none" : "some", same ? "same" : "lost");
    _exit(0); /* a sanitizer's exit needs mappings too */
}

/* Without guards of the kernel's own kind each costs two mappings, of which there are 65,530: then
 * take fails, and the stack that it could not guard is the one that the next take gets. */
TEST_LABELED(stack_says_when_there_are_no_guards_left, "process")
{
    char text[1000];
    harness_fork(run_out_of_mappings, NULL, text, sizeof text);
    const char *once = strstr(text, "no guard page"), *count = strchr(text, '\n');
    ck_assert_msg(once && count && !strstr(once + 1, "no guard page"), "%s", text);
    ck_assert_msg(strstr(count, " none same") && atoi(count) > 1000 && atoi(count) < 100000, "%s",
                  text);
}

/* ---- memory goes back */

/* MADV_FREE's pages stay resident until memory is short, but the kernel counts them. */
static size_t lazily_freed(void)
{
    char line[200];
    size_t kilobytes = 0;
    FILE *rollup = fopen("/proc/self/smaps_rollup", "r");
    if (!rollup)
        harness_skip("no smaps_rollup here");
    while (fgets(line, sizeof line, rollup))
        sscanf(line, "LazyFree: %zu", &kilobytes);
    fclose(rollup);
    return kilobytes << 10;
}

static void use_many(int count)
{
    for (int i = 0; i < count; i++) {
        held[i] = take(65536, 65536);
        held[i][65536 - 1] = held[i][65536 - 3 * PAGE] = 1;
    }
    for (int i = 0; i < count; i++)
        base_stack_give(held[i], 65536);
}

/* Calls base_stack_trim as an idle scheduler does, at the times that it asks for; how often. */
static int trim_until_nothing(int64_t *now)
{
    int64_t next;
    int calls = 0;
    while ((next = base_stack_trim(*now)) != OS_NEVER) {
        ck_assert_int_ge(next, *now);
        ck_assert_int_le(next, *now + 1000 * MILLISECOND);
        ck_assert_int_lt(++calls, 1000);
        *now = next;
    }
    return calls;
}

TEST_LABELED(trim_gives_back_what_was_idle, "noqemu")
{
    int64_t now = os_now() + 10000 * MILLISECOND;
    use_many(2000);
    int64_t next = base_stack_trim(now);
    ck_assert_int_eq(next, now + 1000 * MILLISECOND);
    ck_assert_int_eq(base_stack_trim(now + 999 * MILLISECOND), next);
    /* The 256th give has had its look, and on a slow machine some later ones. */
    ck_assert_uint_lt(lazily_freed(), (size_t)1000 * 2 * PAGE);
    now = next;
    ck_assert_int_gt(trim_until_nothing(&now), 1);
    ck_assert_int_eq(now, next); /* a large one takes several calls, but no more time */
    size_t freed = lazily_freed();
    ck_assert_uint_ge(freed, (size_t)1500 * 2 * PAGE); /* some lie in the CPUs' own lists */
    ck_assert_uint_le(freed, (2000 - 64) * (size_t)2 * PAGE);
    ck_assert_int_eq(base_stack_trim(now + 10000 * MILLISECOND), OS_NEVER);
    use_many(2000); /* all of them still are stacks, and what is used again is given back again */
    now += 10000 * MILLISECOND;
    trim_until_nothing(&now);
    ck_assert_uint_ge(lazily_freed(), (size_t)1500 * 2 * PAGE);
}

TEST(trim_leaves_a_few_alone)
{
    int64_t now = os_now() + 10000 * MILLISECOND;
    use_many(64);
    ck_assert_int_eq(base_stack_trim(now), OS_NEVER);
    ck_assert_int_eq(base_stack_trim(now + 10000 * MILLISECOND), OS_NEVER);
    ck_assert_uint_eq(lazily_freed(), 0);
}

/* What was in use in between is not idle, however many are free at both looks. */
TEST(trim_spares_what_comes_in_waves)
{
    int64_t now = os_now() + 10000 * MILLISECOND;
    for (int i = 0; i < 10; i++) {
        use_many(1000);
        ck_assert_int_eq(base_stack_trim(now), now + 1000 * MILLISECOND);
        now += 1000 * MILLISECOND;
    }
    ck_assert_uint_eq(lazily_freed(), 0);
}

/* Without an idle moment the gives do it. */
TEST_LABELED(give_trims_by_and_by, "noqemu")
{
    use_many(4000);
    for (int round = 0; round < 3; round++) {
        os_sleep(1010 * MILLISECOND);
        for (int i = 0; i < 64 * 256; i++)
            base_stack_give(take(65536, 65536), 65536);
    }
    ck_assert_uint_gt(lazily_freed(), (size_t)2000 * 2 * PAGE);
}

/* ---- threads and fork */

static bool stop,
    failed; /* failed: by a thread, because Check's own calls are for the main thread */

static char *take_quietly(size_t size)
{
    char *stack = base_stack_take(&size);
    if (!stack)
        atom_store(&failed, true, RELAXED);
    return stack;
}

enum { DRAINERS = 3, SHARE = 300, DRAIN_ROUNDS = 60, PAGEOUT = 21 };
static pthread_barrier_t round_begins, round_ends;

/* Makes the kernel drop the page now if it was discarded after the last write; else it stays. */
static void reclaim(void *in_page)
{
    madvise((void *)((uintptr_t)in_page & ~(uintptr_t)(PAGE - 1)), PAGE, PAGEOUT);
}

static void drain(uint64_t mark)
{
    uint64_t *mine[SHARE];
    for (int i = 0; i < SHARE; i++) {
        mine[i] = (uint64_t *)(take_quietly(65536) + 65536) - 1;
        *mine[i] = mark + (uint64_t)i;
    }
    for (int i = SHARE - 1; i >= 0; i--) {
        reclaim(mine[i]);
        if (*mine[i] != mark + (uint64_t)i) /* two have it, or it was discarded in use */
            atom_store(&failed, true, RELAXED);
        base_stack_give((char *)(mine[i] + 1) - 65536, 65536);
    }
}

static void *drain_in_rounds(void *arg)
{
    for (int i = 0; i < DRAIN_ROUNDS; i++) {
        pthread_barrier_wait(&round_begins);
        drain((uintptr_t)arg + ((uint64_t)i << 16));
        pthread_barrier_wait(&round_ends);
    }
    return NULL;
}

/* Each round all stacks are idle, and then they are taken and discarded at the same time. */
TEST(stacks_in_use_are_never_discarded)
{
    pthread_t thread[DRAINERS];
    int64_t now = os_now() + 10000 * MILLISECOND;
    use_many(DRAINERS * SHARE);
    pthread_barrier_init(&round_begins, NULL, DRAINERS + 1);
    pthread_barrier_init(&round_ends, NULL, DRAINERS + 1);
    for (size_t i = 0; i < DRAINERS; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, drain_in_rounds, (void *)((i + 1) << 32)),
                         0);
    for (int i = 0; i < DRAIN_ROUNDS; i++) {
        base_stack_trim(now += 1000 * MILLISECOND);
        now += 1000 * MILLISECOND;
        pthread_barrier_wait(&round_begins);
        base_stack_trim(now);
        pthread_barrier_wait(&round_ends);
    }
    for (int i = 0; i < DRAINERS; i++)
        pthread_join(thread[i], NULL);
    ck_assert(!failed);
}

static void *trim_often(void *arg)
{
    int64_t now = os_now() + 10000 * MILLISECOND;
    while (!atom_load(&stop, ACQUIRE)) {
        for (int i = 0; i < 2000; i++)
            held[i] = take_quietly(65536);
        for (int i = 0; i < 2000; i++)
            base_stack_give(held[i], 65536);
        base_stack_trim(now += 1000 * MILLISECOND);
        base_stack_trim(now += 1000 * MILLISECOND);
    }
    return NULL;
}

static void use_in_child(void *arg)
{
    base_stack_fork_done();
    for (int i = 0; i < 2100; i++)
        held[i] = take_quietly(65536);
    if (failed)
        _exit(1);
    for (int i = 0; i < 2100; i++)
        base_stack_give(held[i], 65536);
    int64_t now = os_now() + 100000 * MILLISECOND;
    while (base_stack_trim(now) != OS_NEVER)
        now += 1000 * MILLISECOND;
    _exit(0); /* not exit: LeakSanitizer takes fright at the thread that only the parent has */
}

/* A child must neither find the lock held nor stacks out of reach because its parent's other thread
 * was at work on them. */
TEST_LABELED(stacks_pass_a_fork, "process")
{
    pthread_t thread;
    char text[500];
    ck_assert_int_eq(pthread_create(&thread, NULL, trim_often, NULL), 0);
    for (int i = 0; i < 100; i++) {
        base_stack_fork_prepare();
        int status = harness_fork(use_in_child, NULL, text, sizeof text);
        base_stack_fork_done();
        ck_assert_msg(status == 0, "%#x %s", status, text);
        os_sleep(MILLISECOND);
    }
    atom_store(&stop, true, RELEASE);
    pthread_join(thread, NULL);
    ck_assert(!failed);
}
