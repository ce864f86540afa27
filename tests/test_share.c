/* Memory that children share. */
#include "crew.h"
#include "share/share.h"

#include <stdint.h>
#include <unistd.h>

TEST(it_is_zeroed_and_aligned_to_pages)
{
    static const size_t sizes[] = {1, 4096, 4097, 1 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *memory = plait_share(sizes[i]);
        ck_assert_ptr_nonnull(memory);
        ck_assert_uint_eq((uintptr_t)memory % 4096, 0);
        for (size_t k = 0; k < sizes[i]; k++)
            ck_assert_int_eq(memory[k], 0);
        memory[sizes[i] - 1] = 1;
        plait_share_free(memory);
    }
}

TEST(sizes_that_are_none)
{
    errno = 0;
    ck_assert_ptr_null(plait_share(0));
    ck_assert_int_eq(errno, EINVAL);
    errno = 0;
    ck_assert_ptr_null(plait_share(SIZE_MAX));
    ck_assert_int_eq(errno, EINVAL);
    errno = 0;
    ck_assert_ptr_null(plait_share((size_t)1 << 60));
    ck_assert_int_ne(errno, 0);
    plait_share_free(NULL);
}

TEST(it_knows_what_lies_inside)
{
    char *memory = plait_share(5000), local[8];
    ck_assert(share_contains(memory, 1));
    ck_assert(share_contains(memory, 8192));
    ck_assert(share_contains(memory + 8191, 1));
    ck_assert(!share_contains(memory, 8193));
    ck_assert(!share_contains(memory + 8192, 1));
    ck_assert(!share_contains(memory + 8191, 2));
    ck_assert(!share_contains(local, 1));
    plait_share_free(memory);
    ck_assert(!share_contains(memory, 1));
}

static int write_seven(void *arg)
{
    *(volatile int *)arg = 7;
    return 0;
}

TEST_CARRIERS(all_carriers_write_the_same_memory)
{
    volatile int *number = plait_share(sizeof *number);
    plait_task *task;
    ck_assert_int_eq(plait_start(&task, carrier, write_seven, (void *)number, NULL), 0);
    ck_assert_int_eq(plait_join(task, NULL, PLAIT_NEVER), 0);
    ck_assert_int_eq(*number, 7);
    plait_share_free((void *)number);
}

static int map_and_free(void *arg)
{
    for (int i = 0; i < 100; i++) {
        char *a = plait_share(100), *b = plait_share(10000);
        ck_assert(a && b && share_contains(a, 100) && share_contains(b, 10000));
        plait_share_free(a);
        ck_assert(share_contains(b, 10000));
        plait_share_free(b);
    }
    return 0;
}

TEST_LIGHT(many_tasks_map_and_free)
{
    crew_run(carrier, 4, map_and_free, NULL);
}

static void free_local(void *arg)
{
    plait_share_free(&arg);
}

static void free_twice(void *arg)
{
    void *memory = plait_share(1);
    plait_share_free(memory);
    plait_share_free(memory);
}

static void free_middle(void *arg)
{
    plait_share_free((char *)plait_share(8192) + 4096);
}

TEST_LABELED(only_what_was_mapped_is_given_back, "process")
{
    harness_dies(free_local, NULL, "not what plait_share returned");
    harness_dies(free_twice, NULL, "not what plait_share returned");
    harness_dies(free_middle, NULL, "not what plait_share returned");
}
