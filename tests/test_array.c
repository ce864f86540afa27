/* The array: each call's promise, private and shared; many tasks at once. */
#include "crew.h"

#include <string.h>

static plait_array *array;

static void open_array(size_t element, size_t count, plait_where where)
{
    array = plait_array_open(element, count, &(plait_array_options){.where = where});
    ck_assert_ptr_nonnull(array);
}

#define TEST_WHERE(name)                                                                           \
    static void name(int where);                                                                   \
    HARNESS_CASE_(name##_private, #name ".private", "", name, PLAIT_PRIVATE)                       \
    HARNESS_CASE_(name##_shared, #name ".shared", "", name, PLAIT_SHARED)                          \
    static void name(int where)

/* Bytes that tell whose they are; a torn element has two kinds. */
static bool is_of_one_kind(const unsigned char *bytes, size_t size)
{
    for (size_t i = 1; i < size; i++)
        if (bytes[i] != bytes[0])
            return false;
    return true;
}

TEST_WHERE(elements_of_each_size)
{
    static const size_t sizes[] = {1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 100, 257, 1000, 70000};
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        size_t size = sizes[k];
        unsigned char *item = malloc(size), *memory;
        open_array(size, 40, where);
        ck_assert_uint_eq(plait_array_count(array), 40);
        memory = plait_array_memory(array);
        ck_assert_uint_eq((uintptr_t)memory % 64, 0);
        for (size_t i = 0; i < 40; i++) {
            ck_assert_int_eq(plait_array_get_bytes(array, i, item, size), 0);
            ck_assert(item[0] == 0 && is_of_one_kind(item, size));
            memset(item, (int)i + 1, size);
            ck_assert_int_eq(plait_array_set_bytes(array, i, item, size), 0);
        }
        for (size_t i = 0; i < 40; i++) { /* each where a C array has it, and only there */
            memset(item, 0, size);
            ck_assert_int_eq(plait_array_get_bytes(array, i, item, size), 0);
            ck_assert(item[0] == i + 1 && is_of_one_kind(item, size));
            ck_assert_mem_eq(memory + i * size, item, size);
        }
        plait_array_free(array);
        free(item);
    }
}

TEST_WHERE(indexes_are_checked)
{
    long number = 7;
    open_array(sizeof number, 3, where);
    ck_assert_int_eq(plait_array_set(array, 2, &number), 0);
    ck_assert_int_eq(plait_array_set(array, 3, &number), -ERANGE);
    ck_assert_int_eq(plait_array_get(array, 3, &number), -ERANGE);
    ck_assert_int_eq(plait_array_get(array, SIZE_MAX, &number), -ERANGE);
    ck_assert_int_eq(number, 7);
    plait_array_free(array);
}

TEST_WHERE(several_under_its_lock)
{
    long pair[3] = {1, 2, 3};
    open_array(sizeof pair, 3, where);
    plait_with (plait_array_lock(array)) {
        ck_assert_int_eq(plait_array_set(array, 1, &pair), 0);
        ck_assert_int_eq(plait_array_get(array, 1, &pair), 0);
    }
    ck_assert(!plait_lock_is_held(plait_array_lock(array)));
    plait_array_free(array);
}

/* ---- refused */

static void refused(size_t element, size_t count, plait_array_options options, int why)
{
    errno = 0;
    ck_assert_ptr_null(plait_array_open(element, count, &options));
    ck_assert_int_eq(errno, why);
}

TEST(opens_that_are_refused)
{
    refused(0, 4, (plait_array_options){.name = NULL}, EINVAL);
    refused(4, 0, (plait_array_options){.name = NULL}, EINVAL);
    refused(8, SIZE_MAX / 4, (plait_array_options){.name = NULL}, EINVAL);
    refused(SIZE_MAX, 1, (plait_array_options){.name = NULL}, EINVAL);
    refused(8, 8, (plait_array_options){.where = (plait_where)7}, EINVAL);
    refused(8, 8, (plait_array_options){.reserved = {NULL, (void *)1}}, EINVAL);
    plait_array_free(NULL);
}

static void set_wrong(void *arg)
{
    plait_array_set_bytes(array, 0, "1234", 4);
}

static void set_null(void *arg)
{
    plait_array_set_bytes(array, 0, NULL, 8);
}

static void count_it(void *arg)
{
    plait_array_count(array);
}

static void count_null(void *arg)
{
    plait_array_count(NULL);
}

static void free_held(void *arg)
{
    if (plait_lock_acquire(plait_array_lock(array), PLAIT_NOW) == 0)
        plait_array_free(array);
}

TEST_LABELED(misuse_is_told, "process")
{
    open_array(8, 10, PLAIT_SHARED);
    harness_dies(set_wrong, NULL, "an element of 4 bytes, but its own have 8");
    harness_dies(set_null, NULL, "NULL is no element");
    harness_dies(count_null, NULL, "NULL is no array");
    harness_dies(free_held, NULL, "held by the caller");
    plait_array_free(array);
    open_array(8, 10, PLAIT_PRIVATE);
    harness_dies(count_it, NULL, "opened before a fork");
    plait_array_free(array);
}

/* ---- many at once */

enum { SLOTS = 5, ROUNDS = 4000 };
static size_t element;
static unsigned seeds;

static int scribble(void *arg)
{
    unsigned random = __atomic_add_fetch(&seeds, 7919, __ATOMIC_RELAXED);
    unsigned char *item = malloc(element);
    for (int i = 0; i < ROUNDS; i++) {
        memset(item, (int)(crew_random(&random) & 255), element);
        need(plait_array_set_bytes(array, crew_random(&random) % SLOTS, item, element) == 0);
        need(plait_array_get_bytes(array, crew_random(&random) % SLOTS, item, element) == 0);
        need(is_of_one_kind(item, element));
    }
    free(item);
    return 0;
}

TEST_CREW(nobody_sees_half_an_element)
{
    static const size_t sizes[] = {8, 12, 64, 300};
    for (int i = 0; i < 8; i++) {
        element = sizes[i / 2];
        open_array(element, SLOTS, i % 2 ? PLAIT_SHARED : PLAIT_PRIVATE);
        crew_run(carrier, 4, scribble, NULL);
        plait_array_free(array);
    }
}
