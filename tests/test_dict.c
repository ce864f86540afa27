/* The dictionary: each call's promise, private and shared; many tasks at once. Deaths are
 * test_dict_shared.c's and tests/kill's. */
#include "crew.h"

#include <string.h>

static plait_dict *dict;

static void open_dict(size_t element, plait_where where, size_t limit)
{
    dict = plait_dict_open(element, &(plait_dict_options){.where = where, .limit = limit});
    ck_assert_ptr_nonnull(dict);
}

/* One case for each of the two kinds; the body has `where`. */
#define TEST_WHERE(name)                                                                           \
    static void name(int where);                                                                   \
    HARNESS_CASE_(name##_private, #name ".private", "", name, PLAIT_PRIVATE)                       \
    HARNESS_CASE_(name##_shared, #name ".shared", "", name, PLAIT_SHARED)                          \
    static void name(int where)

TEST_WHERE(set_get_and_delete)
{
    long value = 5, got = 0;
    open_dict(sizeof value, where, 0);
    ck_assert_int_eq(plait_dict_get(dict, "a", &got), -ENOENT);
    ck_assert_int_eq(plait_dict_set(dict, "a", &value), 0);
    ck_assert_int_eq(plait_dict_get(dict, "a", &got), 0);
    ck_assert_int_eq(got, 5);
    value = 6;
    ck_assert_int_eq(plait_dict_set(dict, "a", &value), 0);
    ck_assert_int_eq(plait_dict_set(dict, "", &value), 0); /* the empty key is one */
    ck_assert_int_eq(plait_dict_get(dict, "a", &got), 0);
    ck_assert_int_eq(got, 6);
    ck_assert_uint_eq(plait_dict_count(dict), 2);
    ck_assert_int_eq(plait_dict_delete(dict, "a"), 0);
    got = 77;
    ck_assert_int_eq(plait_dict_delete(dict, "a"), -ENOENT);
    ck_assert_int_eq(plait_dict_get(dict, "a", &got), -ENOENT);
    ck_assert_int_eq(got, 77);
    ck_assert_uint_eq(plait_dict_count(dict), 1);
    plait_dict_free(dict);
}

TEST_WHERE(numbers_are_added_in_eight_and_four_bytes)
{
    int64_t eight = 0;
    int32_t four = 0;
    open_dict(8, where, 0);
    ck_assert_int_eq(plait_dict_add(dict, "n", -3, &eight), 0);
    ck_assert_int_eq(eight, -3);
    ck_assert_int_eq(plait_dict_add(dict, "n", INT64_MAX, &eight), 0);
    ck_assert_int_eq(eight, INT64_MAX - 3);
    ck_assert_int_eq(plait_dict_add(dict, "n", 4, NULL), 0); /* the sum wraps */
    ck_assert_int_eq(plait_dict_get(dict, "n", &eight), 0);
    ck_assert_int_eq(eight, INT64_MIN);
    plait_dict_free(dict);
    open_dict(4, where, 0);
    ck_assert_int_eq(plait_dict_add(dict, "n", -3, &four), 0);
    ck_assert_int_eq(four, -3);
    ck_assert_int_eq(plait_dict_add(dict, "n", 10, &four), 0);
    ck_assert_int_eq(four, 7);
    plait_dict_free(dict);
}

static int change(void *value, bool is_new, void *arg)
{
    long *numbers = value;
    if (arg && *(int *)arg)
        return *(int *)arg;
    numbers[0] += is_new ? 100 : 1;
    numbers[1] = -numbers[0];
    return 0;
}

static void updates(size_t element, plait_where where)
{
    long *numbers = calloc(1, element);
    int refuse = 42;
    open_dict(element, where, 0);
    ck_assert_int_eq(plait_dict_update(dict, "u", change, &refuse), 42);
    ck_assert_uint_eq(plait_dict_count(dict), 0);
    ck_assert_int_eq(plait_dict_update(dict, "u", change, NULL), 0);
    ck_assert_int_eq(plait_dict_update(dict, "u", change, NULL), 0);
    refuse = -7;
    ck_assert_int_eq(plait_dict_update(dict, "u", change, &refuse), -7);
    ck_assert_int_eq(plait_dict_get_bytes(dict, "u", 1, numbers, element), (long)element);
    ck_assert_int_eq(numbers[0], 101);
    ck_assert_int_eq(numbers[1], -101);
    ck_assert_int_eq(plait_dict_update(dict, "u", NULL, NULL), -EINVAL);
    plait_dict_free(dict);
    free(numbers);
}

TEST_WHERE(an_update_is_all_or_nothing)
{
    updates(16, where);
    updates(4096, where); /* copied to memory of its own */
    open_dict(PLAIT_MESSAGES, where, 0);
    ck_assert_int_eq(plait_dict_update(dict, "u", change, NULL), -EINVAL);
    plait_dict_free(dict);
}

/* Bytes that tell their key and their length. */
static void paint(char *bytes, size_t size, unsigned key)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(key * 31 + size * 7 + i);
}

static bool is_painted(const char *bytes, size_t size, unsigned key)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != (char)(key * 31 + size * 7 + i))
            return false;
    return true;
}

TEST_WHERE(messages_have_any_size_and_grow_and_shrink)
{
    static char bytes[100000], got[100000];
    static size_t sizes[50];
    unsigned random = 1;
    open_dict(PLAIT_MESSAGES, where, 0);
    for (int i = 0; i < 3000; i++) {
        unsigned key = crew_random(&random) % 50, most = i % 10 ? 300 : i % 100 ? 5000 : 100000;
        sizes[key] = crew_random(&random) * 7 % most;
        paint(bytes, sizes[key], key);
        ck_assert_int_eq(plait_dict_set_bytes(dict, &key, sizeof key, bytes, sizes[key]), 0);
        key = crew_random(&random) % 50;
        ssize_t size = plait_dict_get_bytes(dict, &key, sizeof key, got, sizeof got);
        if (size == -ENOENT)
            continue;
        ck_assert_int_eq(size, (ssize_t)sizes[key]);
        ck_assert(is_painted(got, (size_t)size, key));
        if (size > 0)
            ck_assert_int_eq(plait_dict_get_bytes(dict, &key, sizeof key, got, (size_t)size - 1),
                             -EMSGSIZE);
    }
    plait_dict_free(dict);
}

TEST_WHERE(keys_are_any_bytes)
{
    char key[70] = {0};
    open_dict(sizeof(int), where, 0);
    for (int size = 0; size < 70; size++) /* prefixes of each other, all zeroes */
        ck_assert_int_eq(plait_dict_set_bytes(dict, key, (size_t)size, &size, sizeof size), 0);
    for (int size = 0; size < 70; size++) {
        int got = -1;
        ck_assert_int_eq(plait_dict_get_bytes(dict, key, (size_t)size, &got, sizeof got), 4);
        ck_assert_int_eq(got, size);
    }
    ck_assert_uint_eq(plait_dict_count(dict), 70);
    ck_assert_int_eq(plait_dict_set_bytes(dict, key, (size_t)1 << 24, &key, 4), -EMSGSIZE);
    plait_dict_free(dict);
}

/* Marks each key that is shown; a second time is a fault. */
static int mark(const void *key, size_t key_size, const void *value, size_t size, void *arg)
{
    int number;
    char *seen = arg;
    ck_assert_uint_eq(key_size, sizeof number);
    ck_assert_uint_eq(size, sizeof number);
    memcpy(&number, key, sizeof number);
    ck_assert(memcmp(key, value, size) == 0);
    ck_assert_int_eq(seen[number]++, 0);
    return 0;
}

static int stop(const void *key, size_t key_size, const void *value, size_t size, void *arg)
{
    return ++*(int *)arg == 3 ? 33 : 0;
}

static int delete_it(const void *key, size_t key_size, const void *value, size_t size, void *arg)
{
    return plait_dict_delete_bytes(dict, key, key_size); /* visit holds nothing meanwhile */
}

enum { MANY = 20000 };

/* Small values come out through registers, larger ones by way of the stack, others by the guard. */
TEST_WHERE(no_byte_beyond_a_value_is_touched)
{
    char value[300], got[sizeof value + 1];
    open_dict(PLAIT_MESSAGES, where, 0);
    for (size_t size = 0; size <= sizeof value; size++) {
        for (size_t i = 0; i < size; i++)
            value[i] = (char)(size + i * 7);
        memset(got, 99, sizeof got);
        ck_assert_int_eq(plait_dict_set_bytes(dict, "key", 3, value, size), 0);
        ck_assert_int_eq(plait_dict_get_bytes(dict, "key", 3, got, sizeof got), (ssize_t)size);
        ck_assert_mem_eq(got, value, size);
        for (size_t i = size; i < sizeof got; i++)
            ck_assert_int_eq(got[i], 99);
        if (size == 0)
            continue;
        memset(got, 99, sizeof got);
        ck_assert_int_eq(plait_dict_get_bytes(dict, "key", 3, got, size - 1), -EMSGSIZE);
        for (size_t i = 0; i < sizeof got; i++)
            ck_assert_int_eq(got[i], 99);
    }
    plait_dict_free(dict);
}

TEST_WHERE(it_grows_and_each_key_is_visited_once)
{
    static char seen[MANY];
    int calls = 0;
    open_dict(sizeof(int), where, 0);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(plait_dict_set_bytes(dict, &i, sizeof i, &i, sizeof i), 0);
    for (int i = 0; i < MANY; i += 3)
        ck_assert_int_eq(plait_dict_delete_bytes(dict, &i, sizeof i), 0);
    memset(seen, 0, sizeof seen);
    ck_assert_int_eq(plait_dict_visit(dict, mark, seen), 0);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(seen[i], i % 3 != 0);
    ck_assert_int_eq(plait_dict_visit(dict, stop, &calls), 33);
    ck_assert_int_eq(calls, 3);
    ck_assert_int_eq(plait_dict_visit(dict, NULL, NULL), -EINVAL);
    ck_assert_int_eq(plait_dict_visit(dict, delete_it, NULL), 0);
    ck_assert_uint_eq(plait_dict_count(dict), 0);
    plait_dict_free(dict);
}

TEST_WHERE(the_limit_refuses_and_loses_nothing)
{
    static char bytes[3000];
    int in = 0, rc;
    char got[3000];
    open_dict(PLAIT_MESSAGES, where, 200000);
    while ((rc = plait_dict_set_bytes(dict, &in, sizeof in, bytes, sizeof bytes)) == 0)
        in++;
    ck_assert_int_eq(rc, -ENOSPC);
    ck_assert_int_gt(in, 10);
    ck_assert_uint_eq(plait_dict_count(dict), (size_t)in);
    for (int i = 0; i < in; i++)
        ck_assert_int_eq(plait_dict_get_bytes(dict, &i, sizeof i, got, sizeof got), 3000);
    ck_assert_int_eq(plait_dict_get_bytes(dict, &in, sizeof in, got, sizeof got), -ENOENT);
    for (int round = 0; round < 100; round++) { /* what is deleted is room again */
        int i = round % in;
        ck_assert_int_eq(plait_dict_delete_bytes(dict, &i, sizeof i), 0);
        ck_assert_int_eq(plait_dict_set_bytes(dict, &i, sizeof i, bytes, sizeof bytes), 0);
    }
    plait_dict_free(dict);
}

TEST(memory_does_not_grow_with_changes)
{
    char bytes[400] = {0};
    unsigned random = 5;
    open_dict(PLAIT_MESSAGES, PLAIT_SHARED, 2000000); /* a twentieth of what is set */
    for (int i = 0; i < 200000; i++) {
        unsigned key = crew_random(&random) % 200;
        size_t size = crew_random(&random) % sizeof bytes;
        if (i % 5 == 0)
            plait_dict_delete_bytes(dict, &key, sizeof key);
        else
            ck_assert_int_eq(plait_dict_set_bytes(dict, &key, sizeof key, bytes, size), 0);
    }
    plait_dict_free(dict);
}

/* ---- refused */

static void refused(size_t element, plait_dict_options options, int why)
{
    errno = 0;
    ck_assert_ptr_null(plait_dict_open(element, &options));
    ck_assert_int_eq(errno, why);
}

TEST(opens_that_are_refused)
{
    refused(8, (plait_dict_options){.where = (plait_where)7}, EINVAL);
    refused(8, (plait_dict_options){.reserved = {NULL, (void *)1}}, EINVAL);
    refused(8, (plait_dict_options){.limit = SIZE_MAX}, EINVAL);
    refused(SIZE_MAX - 1, (plait_dict_options){.limit = 0}, EINVAL);
    plait_dict_free(NULL);
}

static void set_wrong(void *arg)
{
    plait_dict_set_bytes(dict, "a", 1, arg, 4);
}

static void get_null(void *arg)
{
    if (plait_dict_get_bytes(dict, "a", 1, NULL, 8) == 0)
        exit(0);
}

static void use_null(void *arg)
{
    plait_dict_delete(NULL, "a");
}

static void null_key(void *arg)
{
    plait_dict_delete_bytes(dict, NULL, 3);
}

static void use_freed(void *arg)
{
    plait_dict_free(dict);
    plait_dict_free(dict);
}

static int use_inside(void *value, bool is_new, void *arg)
{
    return plait_dict_delete(dict, "a");
}

static void update_inside(void *arg)
{
    plait_dict_update(dict, "a", use_inside, NULL);
}

static void add_to_text(void *arg)
{
    plait_dict *text = plait_dict_open(PLAIT_MESSAGES, NULL);
    plait_dict_add(text, "a", 1, NULL);
}

static void count_it(void *arg)
{
    plait_dict_count(dict);
}

static void unsized(void *arg)
{
    plait_dict *text = plait_dict_open(PLAIT_MESSAGES, NULL);
    plait_dict_set(text, "a", (void *)"b");
}

TEST_LABELED(misuse_is_told, "process")
{
    open_dict(8, PLAIT_SHARED, 0);
    harness_dies(set_wrong, "1234", "a value of 4 bytes, but its elements have 8");
    harness_dies(get_null, NULL, "NULL is no value");
    harness_dies(use_null, NULL, "NULL is no dict");
    harness_dies(null_key, NULL, "NULL is no key");
    harness_dies(update_inside, NULL, "used by the function of its own plait_dict_update");
    harness_dies(add_to_text, NULL, "not 4 or 8");
    harness_dies(unsized, NULL, "nobody says how many bytes");
    plait_dict_free(dict);
    open_dict(8, PLAIT_PRIVATE, 0);
    harness_dies(count_it, NULL, "opened before a fork");
    plait_dict_free(dict);
}

TEST_LABELED(freed_twice_is_misuse, "process noasan")
{
    open_dict(8, PLAIT_SHARED, 0);
    harness_dies(use_freed, NULL, "no dict, or freed before");
    plait_dict_free(dict);
}

/* ---- many at once */

enum { KEYS = 40, ROUNDS = 3000 };
static long added[KEYS];
static unsigned seeds;

/* The value's second half is the first's negative: what is torn shows. */
static int pair_up(void *value, bool is_new, void *arg)
{
    long *pair = value;
    pair[0] += (long)(intptr_t)arg;
    pair[1] = -pair[0];
    memset(pair + 2, (char)pair[0], 6 * sizeof *pair);
    return 0;
}

static int churn(void *arg)
{
    unsigned random = __atomic_add_fetch(&seeds, 7919, __ATOMIC_RELAXED);
    for (int i = 0; i < ROUNDS; i++) {
        int key = (int)(crew_random(&random) % KEYS);
        long pair[8], by = (long)(crew_random(&random) % 5);
        int rc = plait_dict_get_bytes(dict, &key, sizeof key, pair, sizeof pair) < 0;
        need(rc || (pair[1] == -pair[0] && ((char *)pair)[16] == (char)pair[0]));
        need(plait_dict_update_bytes(dict, &key, sizeof key, pair_up, (void *)(intptr_t)by) == 0);
        __atomic_add_fetch(&added[key], by, __ATOMIC_RELAXED);
    }
    return 0;
}

static void churn_all(int carrier, plait_where where)
{
    memset(added, 0, sizeof added);
    open_dict(8 * sizeof(long), where, 0);
    crew_run(carrier, 6, churn, NULL);
    for (int key = 0; key < KEYS; key++) {
        long pair[8];
        ck_assert_int_gt(plait_dict_get_bytes(dict, &key, sizeof key, pair, sizeof pair), 0);
        ck_assert_int_eq(pair[0], added[key]);
    }
    plait_dict_free(dict);
}

TEST_CREW(no_update_is_lost_or_torn_private)
{
    churn_all(carrier, PLAIT_PRIVATE);
}

TEST_CREW(no_update_is_lost_or_torn_shared)
{
    churn_all(carrier, PLAIT_SHARED);
}

/* Each task has keys of its own, which come and go, so that tables and chunks are made and given
 * back while others read. */
static int come_and_go(void *arg)
{
    unsigned me = __atomic_add_fetch(&seeds, 1, __ATOMIC_RELAXED), random = me;
    char *value = malloc(6000), *got = value + 3000;
    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned key[2] = {me, crew_random(&random) % 300};
        size_t size = crew_random(&random) % (i % 20 ? 100 : 3000);
        paint(value, size, key[1]);
        need(plait_dict_set_bytes(dict, key, sizeof key, value, size) == 0);
        need(plait_dict_get_bytes(dict, key, sizeof key, got, 3000) == (ssize_t)size);
        need(is_painted(got, size, key[1]));
        key[1] = crew_random(&random) % 300;
        int rc = plait_dict_delete_bytes(dict, key, sizeof key);
        need(rc == 0 || rc == -ENOENT);
        need(plait_dict_get_bytes(dict, key, sizeof key, got, 3000) == -ENOENT);
    }
    free(value);
    return 0;
}

TEST_CREW(entries_come_and_go)
{
    open_dict(PLAIT_MESSAGES, PLAIT_PRIVATE, 0);
    crew_run(carrier, 4, come_and_go, NULL);
    plait_dict_free(dict);
}
