/* Areas: the memory under large shared objects, and who has it open. */
#include "crew.h"
#include "os/os.h"
#include "share/share.h"
#include "share/users.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, HAS_PUT = 1, HAS_GOT = 2 };

static struct share_area *make(size_t size, size_t limit)
{
    struct share_request request = {
        .kind = "test", .where = PLAIT_SHARED, .size = size, .limit = limit};
    struct share_area *area = share_area_open(&request);
    ck_assert_ptr_nonnull(area);
    return area;
}

TEST(it_is_zeroed_and_grows_to_its_limit)
{
    struct share_area *area = make(100, 5 * PAGE);
    char *memory = share_area_memory(area);
    ck_assert(share_area_is_new(area) && share_area_is_shared(area));
    ck_assert_uint_eq(share_area_size(area), PAGE);
    ck_assert(share_contains(memory, PAGE) && !share_contains(memory, PAGE + 1));
    ck_assert_ptr_eq(share_area_of(memory + 7), area);
    ck_assert_int_eq(share_area_grow(area, 3 * PAGE), 0);
    ck_assert_uint_eq(share_area_size(area), 3 * PAGE);
    for (int i = 0; i < 3 * PAGE; i++)
        ck_assert_int_eq(memory[i], 0);
    memory[3 * PAGE - 1] = 1;
    ck_assert(share_contains(memory, 3 * PAGE));
    ck_assert_int_eq(share_area_grow(area, 5 * PAGE + 1), -ENOSPC);
    ck_assert_int_eq(share_area_grow(area, 1), 0);
    ck_assert_uint_eq(share_area_size(area), 3 * PAGE);
    ck_assert_ptr_eq(share_area_at(area, PAGE, PAGE), memory + PAGE);
    ck_assert_ptr_null(share_area_at(area, 2 * PAGE, PAGE + 1));
    ck_assert_ptr_null(share_area_at(area, UINT64_MAX, 2));
    ck_assert_ptr_null(share_area_at(area, 2, SIZE_MAX));
    share_area_close(area);
    share_area_close(NULL);
}

TEST(what_is_no_request)
{
    static const struct share_request bad[] = {
        {.kind = "test", .where = PLAIT_SHARED},
        {.kind = "test", .where = PLAIT_SHARED, .size = 2, .limit = 1},
        {.kind = "test", .where = PLAIT_SHARED, .size = SIZE_MAX},
        {.kind = "a kind that is too long", .where = PLAIT_SHARED, .size = 1},
        {.kind = "test", .where = (plait_where)7, .size = 1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        errno = 0;
        ck_assert_ptr_null(share_area_open(&bad[i]));
        ck_assert_int_eq(errno, EINVAL);
    }
}

static int fill(void *memory, size_t size, void *arg)
{
    if (*(int *)arg)
        return -ENOMSG;
    plait_lock_init(memory, PLAIT_SHARED);
    return 0;
}

TEST(prepare_fills_it_or_nothing_is_left)
{
    for (int where = PLAIT_PRIVATE; where <= PLAIT_SHARED; where++) {
        int fails = 1;
        struct share_request request = {.kind = "test",
                                        .where = (plait_where)where,
                                        .size = 64,
                                        .prepare = fill,
                                        .arg = &fails};
        errno = 0;
        ck_assert_ptr_null(share_area_open(&request));
        ck_assert_int_eq(errno, ENOMSG);
    }
    int fails = 0;
    struct share_request request = {
        .kind = "test", .where = PLAIT_SHARED, .size = 64, .prepare = fill, .arg = &fails};
    struct share_area *area = share_area_open(&request);
    plait_lock *lock = share_area_memory(area);
    ck_assert_int_eq(plait_lock_acquire(lock, PLAIT_NEVER), 0);
    plait_lock_release(lock);
    share_area_close(area);
}

TEST(private_memory_has_no_users)
{
    struct share_request request = {.kind = "test", .size = 64, .limit = 3 * PAGE};
    struct share_area *area = share_area_open(&request);
    struct share_others others;
    ck_assert(!share_area_is_shared(area) && !share_users_others(area, &others));
    ck_assert(!others.ever && !others.alive);
    share_user_mark(area, HAS_PUT);
    ck_assert_uint_eq(share_user_marks(area), HAS_PUT);
    ck_assert_int_eq(share_area_grow(area, 2 * PAGE), 0);
    ck_assert_int_eq(share_area_grow(area, 4 * PAGE), -ENOSPC);
    ((char *)share_area_memory(area))[2 * PAGE - 1] = 1;
    share_area_close(area);
}

struct family {
    struct share_area *area;
    uint32_t *word; /* in it */
};

static void await(uint32_t *word, uint32_t value)
{
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value)
        plait_sleep(plait_after(PLAIT_MILLISECOND));
}

static void say(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* Child: marks, waits for 2, ends as told by *arg. */
static int user_of(void *arg)
{
    struct family *family = arg;
    struct share_others others;
    if (share_users_others(family->area, &others) || !others.alive)
        return 1; /* the parent is there */
    if (share_user_marks(family->area))
        return 2;
    share_user_mark(family->area, HAS_GOT);
    say(family->word, 1);
    await(family->word, 2);
    return 0;
}

static void ends(bool killed, bool forked)
{
    struct share_others others;
    struct family family = {make(64, 0), NULL};
    family.word = share_area_memory(family.area);
    share_user_mark(family.area, HAS_PUT);
    ck_assert(!share_users_others(family.area, &others) && !others.ever);
    plait_task *task = NULL;
    pid_t pid;
    if (!forked) {
        ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, user_of, &family, NULL), 0);
        pid = plait_task_pid(task);
    } else if ((pid = fork()) == 0)
        exit(user_of(&family));
    await(family.word, 1);
    ck_assert(!share_users_others(family.area, &others));
    ck_assert(others.ever && others.alive && !others.died);
    ck_assert_uint_eq(others.marks, HAS_GOT);
    if (killed)
        kill(pid, SIGKILL);
    else
        say(family.word, 2);
    int status = 0;
    if (forked)
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    else
        plait_join(task, &status, PLAIT_NEVER);
    ck_assert_int_eq(status == 0, !killed);
    ck_assert(share_users_others(family.area, &others));
    ck_assert(others.ever && !others.alive);
    ck_assert_int_eq(others.died, killed);
    ck_assert_uint_eq(others.marks, HAS_GOT);
    share_area_close(family.area);
}

TEST_LABELED(a_child_leaves, "process")
{
    ends(false, false);
    ends(false, true);
}

TEST_LABELED(a_child_dies, "process")
{
    ends(true, false);
    ends(true, true);
}

static int nothing(void *arg)
{
    return 0;
}

/* However early: it was entered before it ran. */
TEST_LABELED(a_child_killed_at_once_is_known, "process")
{
    for (int i = 0; i < 50; i++) {
        struct share_others others;
        struct share_area *area = make(64, 0);
        plait_task *task;
        ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, nothing, NULL, NULL), 0);
        kill(plait_task_pid(task), SIGKILL);
        int status;
        plait_join(task, &status, PLAIT_NEVER);
        ck_assert(share_users_others(area, &others));
        ck_assert_int_eq(others.died, status != 0);
        share_area_close(area);
    }
}

TEST_LABELED(exec_is_leaving, "process")
{
    struct share_others others;
    struct share_area *area = make(64, 0);
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/sleep", "sleep", "20", NULL);
        _exit(1);
    }
    while (!share_users_others(area, &others))
        plait_sleep(plait_after(PLAIT_MILLISECOND));
    ck_assert(others.ever && !others.died);
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    waitpid(pid, NULL, 0);
    share_area_close(area);
}

TEST_LABELED(a_closed_descriptor_is_told, "process")
{
    struct share_area *area = make(64, 0);
    ck_assert_int_eq(share_area_check(area), 0);
    for (int i = 3; i < 100; i++)
        close(i);
    ck_assert_int_eq(share_area_check(area), -EBADF);
    struct share_others others;
    ck_assert(!share_users_others(area, &others));
    share_area_close(area);
}

TEST_LABELED(numbers_are_of_one_user, "process")
{
    struct share_area *area = make(64, 0);
    struct {
        uint32_t word;
        uint64_t user;
    } *shared = share_area_memory(area);
    uint64_t seen[20] = {share_user_me(area)};
    ck_assert(!share_user_is_gone(area, seen[0]) && share_user_is_gone(area, 0));
    ck_assert(share_user_is_gone(area, UINT64_MAX));
    for (int i = 1; i < 20; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            shared->user = share_user_me(area);
            say(&shared->word, (uint32_t)i);
            plait_sleep(PLAIT_NEVER);
        }
        await(&shared->word, (uint32_t)i);
        seen[i] = shared->user;
        for (int k = 0; k < i; k++)
            ck_assert_uint_ne(seen[k], seen[i]);
        ck_assert(!share_user_is_gone(area, seen[i]));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        ck_assert(share_user_is_gone(area, seen[i]));
    }
    share_area_close(area);
}
