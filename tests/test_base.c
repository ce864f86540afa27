/* base: the spin lock, the heap, the formatter, texts of codes, names. */
#include "base/heap.h"
#include "base/list.h"
#include "base/report.h"
#include "base/spin.h"
#include "harness.h"
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <unistd.h>

/* A small generator with a fixed seed: a failure comes back. */
static uint64_t seed = 0x9e3779b97f4a7c15u;

static uint64_t random_number(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* ---- spin */

enum { SPINNERS = 4, ROUNDS = 200000 };
static base_spin spin;
static long counter, inside;
static bool failed; /* by a thread: Check's own calls are for the main thread */

static void *count_up(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        base_spin_lock(&spin);
        if (++inside != 1)
            failed = true;
        counter++;
        if (i % 1000 == 0)
            sched_yield(); /* with the lock held, so that others come to sleep */
        inside--;
        base_spin_unlock(&spin);
    }
    return NULL;
}

static void spin_with(int threads)
{
    pthread_t thread[SPINNERS];
    for (int i = 0; i < threads; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, count_up, NULL), 0);
    for (int i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
    ck_assert(!failed);
    ck_assert_int_eq(counter, (long)threads * ROUNDS);
    ck_assert_uint_eq(spin.word, 0);
}

TEST(spin_excludes_four_threads)
{
    spin_with(SPINNERS);
}

TEST(spin_excludes_on_one_cpu)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
    spin_with(SPINNERS);
}

TEST(spin_try_takes_only_a_free_one)
{
    ck_assert(base_spin_try(&spin));
    ck_assert(!base_spin_try(&spin));
    base_spin_unlock(&spin);
    ck_assert(base_spin_try(&spin));
    base_spin_unlock(&spin);
}

static void *take_and_give(void *arg)
{
    base_spin_lock(&spin);
    base_spin_unlock(&spin);
    return NULL;
}

/* All three must come through one after the other: a waker that wakes too few would leave the last
 * asleep. */
TEST(spin_wakes_all_that_sleep)
{
    pthread_t thread[3];
    base_spin_lock(&spin);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, take_and_give, NULL), 0);
    while (atom_load(&spin.word, RELAXED) != 2)
        sched_yield();
    usleep(20000);
    base_spin_unlock(&spin);
    for (int i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
    ck_assert_uint_eq(spin.word, 0);
}

/* ---- heap against a sorted array */

enum { MODEL = 2000, STEPS = 100000 };
static struct heap_item items[MODEL];
static struct heap_item *sorted[MODEL];
static int sorted_count;

static int place_in_model(int64_t key)
{
    int at = sorted_count;
    while (at > 0 && sorted[at - 1]->key > key)
        at--;
    return at;
}

static void insert_both(struct heap *heap, struct heap_item *item)
{
    int at = place_in_model(item->key); /* behind those with the same key: first come, first out */
    memmove(&sorted[at + 1], &sorted[at], (size_t)(sorted_count - at) * sizeof sorted[0]);
    sorted[at] = item;
    sorted_count++;
    heap_insert(heap, item);
}

static void remove_both(struct heap *heap, int at)
{
    struct heap_item *item = sorted[at];
    sorted_count--;
    memmove(&sorted[at], &sorted[at + 1], (size_t)(sorted_count - at) * sizeof sorted[0]);
    heap_remove(heap, item);
    ck_assert(!heap_holds(item));
}

static void one_step(struct heap *heap, int keys)
{
    struct heap_item *item = &items[random_number() % MODEL];
    if (heap_holds(item)) {
        int at = 0;
        while (sorted[at] != item)
            at++;
        remove_both(heap, at);
    } else {
        item->key = (int64_t)(random_number() % (uint64_t)keys) - keys / 2;
        insert_both(heap, item);
    }
    if (sorted_count > 0 && random_number() % 3 == 0)
        remove_both(heap, 0);
    ck_assert_ptr_eq(heap_first(heap), sorted_count ? sorted[0] : NULL);
}

static void heap_against_model(int keys, int steps)
{
    struct heap heap = {0};
    sorted_count = 0;
    for (int i = 0; i < steps; i++)
        one_step(&heap, keys);
    while (sorted_count > 0) {
        ck_assert_ptr_eq(heap_first(&heap), sorted[0]);
        remove_both(&heap, 0);
    }
    ck_assert_ptr_null(heap_first(&heap));
}

TEST(heap_agrees_with_a_sorted_array)
{
    heap_against_model(1000000, STEPS);
}

TEST(heap_keeps_equal_keys_in_order)
{
    heap_against_model(3, STEPS / 4);
    heap_against_model(1, STEPS / 4);
}

TEST(heap_orders_the_extreme_keys)
{
    struct heap heap = {0};
    struct heap_item least = {.key = INT64_MIN}, most = {.key = INT64_MAX}, zero = {0};
    heap_insert(&heap, &most);
    heap_insert(&heap, &zero);
    heap_insert(&heap, &least);
    ck_assert_ptr_eq(heap_first(&heap), &least);
    heap_remove(&heap, &least);
    ck_assert_ptr_eq(heap_first(&heap), &zero);
    heap_remove(&heap, &zero);
    ck_assert_ptr_eq(heap_first(&heap), &most);
}

static void *remove_a_million(void *arg)
{
    enum { MANY = 1000000 };
    struct heap_item *many = calloc(MANY, sizeof *many);
    struct heap heap = {0};
    for (int i = 0; i < MANY; i++) {
        many[i].key = i;
        heap_insert(&heap, &many[i]);
    }
    for (int i = 0; i < MANY; i++) {
        failed |= heap_first(&heap) != &many[i];
        heap_remove(&heap, &many[i]);
    }
    free(many);
    return NULL;
}

/* Rising keys give a root with a million children: recursion would not come through on this stack.
 */
TEST(heap_needs_no_stack)
{
    pthread_attr_t small;
    pthread_t thread;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, PTHREAD_STACK_MIN + 65536);
    ck_assert_int_eq(pthread_create(&thread, &small, remove_a_million, NULL), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&small);
    ck_assert(!failed);
}

/* ---- list */

TEST(list_moves_and_takes_in_order)
{
    struct list a, b, one, two, three;
    list_init(&a);
    list_init(&b);
    list_append(&a, &one);
    list_append(&b, &two);
    list_append(&b, &three);
    list_append_all(&a, &b);
    ck_assert(list_is_empty(&b));
    list_append_all(&a, &b);
    list_remove(&two);
    ck_assert_ptr_eq(list_take_first(&a), &one);
    ck_assert_ptr_eq(list_take_first(&a), &three);
    ck_assert_ptr_null(list_take_first(&a));
}

/* ---- the formatter against snprintf */

__attribute__((format(printf, 2, 3))) static void same_as_libc(size_t size, const char *format, ...)
{
    char ours[400], libc[400];
    va_list args, again;
    memset(ours, '#', sizeof ours);
    memset(libc, '#', sizeof libc);
    va_start(args, format);
    va_copy(again, args);
    int wanted = base_vformat(ours, size, format, args),
        right = vsnprintf(libc, size, format, again);
    va_end(args);
    va_end(again);
    ck_assert_msg(memcmp(ours, libc, sizeof ours) == 0, "\"%s\" gives \"%.*s\", not \"%.*s\"",
                  format, (int)size, ours, (int)size, libc);
    ck_assert_msg(wanted == right, "\"%s\" wants %d, not %d", format, wanted, right);
}

static uint64_t some_number(void)
{
    uint64_t number = random_number() >> (random_number() % 64);
    return random_number() % 4 ? number : -number;
}

TEST(format_prints_numbers_as_snprintf)
{
    for (int i = 0; i < 20000; i++) {
        uint64_t number = some_number();
        size_t size = random_number() % 60;
        int width = (int)(random_number() % 40) - 20;
        same_as_libc(size, "%d %i %u %x", (int)number, (int)number, (unsigned)number,
                     (unsigned)number);
        same_as_libc(size, "%ld %lu|%lx", (long)number, (unsigned long)number,
                     (unsigned long)number);
        same_as_libc(size, "%lld %zu|%zx%%", (long long)number, (size_t)number, (size_t)number);
        same_as_libc(size, "%*d|%*lx", width, (int)number, width, (unsigned long)number);
        same_as_libc(size, "%8d|%-8d|%08d|%016lx", (int)number, (int)number, (int)number,
                     (unsigned long)number);
    }
    same_as_libc(100, "%ld %d %lld", LONG_MIN, INT_MIN, LLONG_MIN);
}

TEST(format_prints_texts_as_snprintf)
{
    static const char text[] = "abcdefghijklmnopqrstuvwxyz";
    for (int i = 0; i < 20000; i++) {
        size_t size = random_number() % 40;
        int width = (int)(random_number() % 40) - 20, precision = (int)(random_number() % 34) - 4;
        const char *part = text + random_number() % sizeof text;
        same_as_libc(size, "<%s>%c", part, part[0] ? part[0] : '!');
        same_as_libc(size, "%*s|%-9s|%3c", width, part, part, 'z');
        same_as_libc(size, "%.*s|%.3s", precision, part, part);
        same_as_libc(size, "%p", (void *)part);
    }
}

TEST(format_survives_bad_arguments)
{
    char text[64];
    const char *volatile none =
        NULL; /* volatile, so that the compiler does not warn of what is meant */
    const char *unknown = "%q %", *open_end = "%l";
    char unended[3] = {'a', 'b', 'c'};
    base_format(text, sizeof text, "%s|%.*s", none, 3, unended);
    ck_assert_str_eq(text, "(null)|abc");
    base_format(text, sizeof text, "%p", (void *)NULL);
    ck_assert_str_eq(text, "0x0");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security" /* clang's name for the same */
    ck_assert_int_eq(base_format(text, sizeof text, unknown), 2);
    ck_assert_str_eq(text, "q ");
    ck_assert_int_eq(base_format(text, sizeof text, open_end), 0);
#pragma GCC diagnostic pop
    ck_assert_int_eq(base_format(NULL, 0, "%d", 12345), 5);
    ck_assert_int_eq(base_format(text, 1, "%d", 12345), 5);
    ck_assert_str_eq(text, "");
}

/* ---- texts of codes */

TEST(strerror_knows_all_codes)
{
    for (int code = 1; code < 4096; code++) {
        const char *theirs = strerror(code), *ours = plait_strerror(code);
        bool known =
            strstr(theirs, "Unknown error") == NULL && strstr(theirs, "No error info") == NULL;
        ck_assert_msg((strcmp(ours, "unknown error") != 0) == known, "code %d: %s", code, ours);
        ck_assert_str_eq(ours, plait_strerror(-code));
    }
    ck_assert_str_eq(plait_strerror(0), "success");
    ck_assert_str_eq(plait_strerror(-PLAIT_EFAILED), "the job failed");
    ck_assert_str_eq(plait_strerror(PLAIT_EFUNCTION), "function not known there");
    ck_assert_str_eq(plait_strerror(-PLAIT_EFORMAT), "wrong format or version");
    ck_assert_str_eq(plait_strerror(-PLAIT_EFORMAT - 1), "unknown error");
}

TEST(strerror_names_signals)
{
#define NAMED(signal) ck_assert_str_eq(plait_strerror(PLAIT_KILLED(signal)), "killed by " #signal)
    NAMED(SIGHUP);
    NAMED(SIGINT);
    NAMED(SIGABRT);
    NAMED(SIGBUS);
    NAMED(SIGKILL);
    NAMED(SIGSEGV);
    NAMED(SIGTERM);
    NAMED(SIGSTKFLT);
    NAMED(SIGSYS);
    for (int number = 1; number <= 64; number++)
        ck_assert_int_eq(strncmp(plait_strerror(PLAIT_KILLED(number)), "killed by ", 10), 0);
    ck_assert_str_eq(plait_strerror(-PLAIT_KILLED(9)), "killed by SIGKILL");
    ck_assert_str_eq(plait_strerror(PLAIT_KILLED(40)), "killed by signal 40");
    ck_assert_str_eq(plait_strerror(PLAIT_KILLED(64)), "killed by signal 64");
    ck_assert_str_eq(plait_strerror(PLAIT_KILLED(0)), "unknown error");
    ck_assert_str_eq(plait_strerror(PLAIT_KILLED(65)), "unknown error");
}

TEST(strerror_names_exits)
{
    for (int status = 0; status < 256; status++) {
        char text[64];
        snprintf(text, sizeof text, "worker called exit(%d)", status);
        ck_assert_str_eq(plait_strerror(PLAIT_EXITED(status)), text);
    }
    ck_assert_str_eq(plait_strerror(PLAIT_EXITED(256)), "unknown error");
    ck_assert_str_eq(plait_strerror(PLAIT_EXITED(-1)), "unknown error");
}

TEST(strerror_takes_any_number)
{
    static const int odd[] = {INT_MIN, INT_MIN + 1, INT_MAX, 1 << 20, -(1 << 20), 100000};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
        ck_assert_str_eq(plait_strerror(odd[i]), "unknown error");
    for (int code = -100000; code < 100000; code++)
        ck_assert_int_gt((int)strlen(plait_strerror(code)), 0);
}

TEST(version_is_that_of_the_header)
{
    ck_assert_str_eq(plait_version(), PLAIT_VERSION);
}

/* ---- names */

static const char *name_of(const void *object)
{
    static char text[100];
    return base_name_of(object, "lock", text, sizeof text);
}

TEST(name_is_given_changed_and_forgotten)
{
    int object = 0;
    char unnamed[100];
    snprintf(unnamed, sizeof unnamed, "lock@%p", (void *)&object);
    ck_assert_str_eq(name_of(&object), unnamed);
    base_name_forget(&object);
    plait_name(&object, "accounts");
    ck_assert_str_eq(name_of(&object), "accounts");
    plait_name(&object, "books");
    ck_assert_str_eq(name_of(&object), "books");
    plait_name(&object, "");
    ck_assert_str_eq(name_of(&object), "");
    plait_name(&object, NULL);
    ck_assert_str_eq(name_of(&object), unnamed);
    plait_name(NULL, "nobody");
    plait_name(NULL, NULL);
    ck_assert_str_eq(name_of(NULL), "lock");
    base_name_forget(&object);
}

TEST(name_is_a_symbol_by_default)
{
    ck_assert_str_eq(name_of((const void *)&stdout), "stdout");
    ck_assert_str_eq(name_of((const char *)&stdout + 1), "stdout+0x1");
}

static void is_cut_to(const char *name, size_t length)
{
    int object = 0;
    plait_name(&object, name);
    ck_assert_uint_eq(strlen(name_of(&object)), length);
    ck_assert_int_eq(strncmp(name_of(&object), name, length), 0);
    plait_name(&object, NULL);
}

TEST(name_is_cut_between_characters)
{
    char name[200];
    memset(name, 'x', sizeof name);
    name[199] = '\0';
    is_cut_to(name, 63);
    memcpy(name + 62, "\xc3\xa9", 2); /* two bytes, one of them beyond the end */
    is_cut_to(name, 62);
    memcpy(name + 60, "\xf0\x9f\x90\x9d", 4);
    is_cut_to(name, 60);
    name[63] = 'x';
    memcpy(name + 59, "\xf0\x9f\x90\x9d", 4);
    is_cut_to(name, 63);
    name[63] = '\0';
    is_cut_to(name, 63);
    memset(name, '\x80', sizeof name - 1);
    is_cut_to(name, 0); /* no character begins anywhere: nothing whole fits */
}

/* Random names and removals against an array, across several growths of the table. */
TEST(name_table_agrees_with_a_model)
{
    enum { OBJECTS = 3000 };
    static char object[OBJECTS * 8];
    static int given[OBJECTS];
    char text[32];
    for (int i = 0; i < 100000; i++) {
        int at = (int)(random_number() % OBJECTS);
        given[at] = random_number() % 3 ? i + 1 : 0;
        snprintf(text, sizeof text, "name %d", given[at]);
        plait_name(&object[at * 8], given[at] ? text : NULL);
    }
    for (int at = 0; at < OBJECTS; at++) {
        snprintf(text, sizeof text, "name %d", given[at]);
        ck_assert_int_eq(strcmp(name_of(&object[at * 8]), text) == 0, given[at] != 0);
        base_name_forget(&object[at * 8]);
        ck_assert_int_ne(strncmp(name_of(&object[at * 8]), "name", 4), 0);
    }
}

static void *name_many(void *arg)
{
    char *objects = arg, text[32], seen[64];
    for (int i = 0; i < 2000; i++) {
        snprintf(text, sizeof text, "%p", (void *)&objects[i]);
        plait_name(&objects[i], text);
        if (strcmp(base_name_of(&objects[i], "lock", seen, sizeof seen), text) != 0)
            atom_store(&failed, true, RELAXED);
        if (i % 2)
            base_name_forget(&objects[i]);
    }
    return NULL;
}

TEST(name_table_is_safe_for_threads)
{
    static char objects[4][2000];
    pthread_t thread[4];
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, name_many, objects[i]), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    ck_assert(!failed);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 2000; j++)
            base_name_forget(&objects[i][j]);
}

static void ask_with_the_lock_held(void *arg)
{
    base_name_fork_prepare();
    fprintf(stderr, "%s", name_of(arg));
}

/* What the handler of a stack overflow does if the overflow came inside plait_name: a message, not
 * a hang. */
TEST_LABELED(name_is_done_without_when_its_lock_is_stuck, "process")
{
    int object = 0;
    char text[100];
    plait_name(&object, "hidden");
    ck_assert_int_eq(harness_fork(ask_with_the_lock_held, &object, text, sizeof text), 0);
    ck_assert_int_eq(strncmp(text, "lock@", 5), 0);
    plait_name(&object, NULL);
}

static bool enough;

static void *name_for_ever(void *arg)
{
    while (!atom_load(&enough, RELAXED))
        plait_name(arg, "named");
    return NULL;
}

static void name_in_the_child(void *arg)
{
    plait_name(arg, "child");
    fprintf(stderr, "%s", name_of(arg));
}

/* Also of a program that has made no other call of plait: its handlers of forks must be there. */
TEST_LABELED(name_lock_passes_a_fork, "process")
{
    int object = 0, other = 0;
    char text[100];
    pthread_t thread;
    plait_name(&object, "parent");
    ck_assert_int_eq(pthread_create(&thread, NULL, name_for_ever, &other), 0);
    for (int i = 0; i < 200; i++) {
        ck_assert_int_eq(harness_fork(name_in_the_child, &object, text, sizeof text), 0);
        ck_assert_str_eq(text, "child");
    }
    atom_store(&enough, true, RELAXED);
    pthread_join(thread, NULL);
    ck_assert_str_eq(name_of(&object), "parent");
    plait_name(&object, NULL);
    plait_name(&other, NULL);
}
