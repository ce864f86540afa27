/* Areas: the memory under large shared objects, and who has it open. */
#include "crew.h"
#include "os/os.h"
#include "share/handle.h"
#include "share/name.h"
#include "share/share.h"
#include "share/users.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
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
    ck_assert_uint_eq(share_user_marks(family.area), HAS_PUT);
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

static int waits_for_ever(void *arg)
{
    return plait_sleep(PLAIT_NEVER);
}

/* However early: it was entered before it ran. */
TEST_LABELED(a_child_killed_at_once_is_known, "process")
{
    for (int i = 0; i < 50; i++) {
        struct share_others others;
        struct share_area *area = make(64, 0);
        plait_task *task;
        ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, waits_for_ever, NULL, NULL), 0);
        kill(plait_task_pid(task), SIGKILL);
        int status;
        plait_join(task, &status, PLAIT_NEVER);
        ck_assert(share_users_others(area, &others));
        ck_assert_int_eq(status, PLAIT_KILLED(SIGKILL));
        ck_assert(others.ever && others.died);
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

/* ---- names */

static struct share_area *named(const char *url, uint64_t layout)
{
    struct share_request request = {.kind = "test", .url = url, .size = 64, .layout = layout};
    errno = 0;
    return share_area_open(&request);
}

static bool is_there(const char *name)
{
    char path[200];
    snprintf(path, sizeof path, "/dev/shm/plait-%u-%s", geteuid(), name);
    return access(path, F_OK) == 0;
}

static bool name_is_there(const char *name)
{
    return is_there(harness_name(name));
}

/* Its last user has closed it: did that take it away? If not, another program was just sweeping and
 * had it locked, and the next sweep does. */
static bool went_at_once(const char *name)
{
    bool went = !is_there(name);
    while (is_there(name)) {
        names_sweep();
        plait_sleep(plait_after(PLAIT_MILLISECOND));
    }
    return went;
}

static void refused(const char *url, uint64_t layout, int error)
{
    ck_assert_ptr_null(named(url, layout));
    ck_assert_int_eq(errno, error);
}

TEST(what_is_no_name)
{
    char most[96] = {0}, url[128];
    refused("shm:", 0, EINVAL);
    refused("mem:a", 0, EINVAL);
    refused("shm:a/b", 0, EINVAL);
    refused("shm:test-area?", 0, EINVAL);
    refused("shm:test-area?open", 0, EINVAL);
    memset(most, 'a', 95);
    snprintf(url, sizeof url, "shm:%sa", most);
    refused(url, 0, ENAMETOOLONG);
    snprintf(url, sizeof url, "shm:%s", most);
    struct share_area *area = named(url, 0);
    ck_assert_ptr_nonnull(area);
    share_area_close(area);
    went_at_once(most);
}

TEST(a_name_is_made_or_attached)
{
    refused(harness_name("shm:test-area-a?attach"), 0, ENOENT);
    ck_assert(!name_is_there("test-area-a"));
    struct share_area *one = named(harness_name("shm:test-area-a"), 7),
                      *two = named(harness_name("shm:test-area-a"), 7);
    ck_assert(one && two && share_area_is_new(one) && !share_area_is_new(two));
    *(int *)share_area_memory(one) = 5;
    ck_assert_ptr_ne(share_area_memory(one), share_area_memory(two));
    ck_assert_int_eq(*(int *)share_area_memory(two), 5);
    refused(harness_name("shm:test-area-a?create"), 7, EEXIST);
    refused(harness_name("shm:test-area-a"), 8, PLAIT_EFORMAT);
    struct share_request other = {
        .kind = "other", .url = harness_name("shm:test-area-a"), .size = 64};
    ck_assert_ptr_null(share_area_open(&other));
    ck_assert_int_eq(errno, PLAIT_EFORMAT);
    other = (struct share_request){
        .kind = "test", .url = harness_name("shm:test-area-a"), .size = 65, .layout = 7};
    ck_assert_ptr_null(share_area_open(&other));
    ck_assert_int_eq(errno, PLAIT_EFORMAT);
    struct share_others others;
    ck_assert(!share_users_others(one, &others) && !others.ever && !others.alive);
    share_area_close(one);
    ck_assert(name_is_there("test-area-a"));
    struct share_area *three = named(harness_name("shm:test-area-a?attach"), 7);
    ck_assert_int_eq(*(int *)share_area_memory(three), 5);
    share_area_close(two);
    share_area_close(three);
    went_at_once(harness_name("test-area-a"));
}

/* Now and then another program sweeps at that moment, but not each time. */
TEST(the_last_close_takes_the_name_away)
{
    const char *name = harness_name("test-area-k"), *url = harness_name("shm:test-area-k");
    int went = 0;
    for (int i = 0; i < 10; i++) {
        share_area_close(named(url, 0));
        went += went_at_once(name);
    }
    ck_assert_int_ge(went, 5);
}

static void open_and_die(void *arg)
{
    struct share_area *area = named(harness_name("shm:test-area-b"), 0);
    *(int *)share_area_memory(area) = 6;
    raise(SIGKILL);
}

TEST_LABELED(a_stale_name_is_replaced, "process")
{
    char text[256];
    /* Not asked whether it is there: any program that opens a name may have swept it by now. */
    harness_fork(open_and_die, NULL, text, sizeof text);
    refused(harness_name("shm:test-area-b?attach"), 0, ENOENT);
    ck_assert(!name_is_there("test-area-b"));
    harness_fork(open_and_die, NULL, text, sizeof text);
    struct share_area *area = named(harness_name("shm:test-area-b?create"), 0);
    ck_assert_int_eq(*(int *)share_area_memory(area), 0);
    share_area_close(area);
    harness_fork(open_and_die, NULL, text, sizeof text);
    area = named(harness_name("shm:test-area-c"), 0); /* any name */
    while (name_is_there("test-area-b"))              /* another program may just be sweeping it */
        plait_sleep(plait_after(PLAIT_MILLISECOND));
    share_area_close(area);
}

/* The one that opened it ends, its forked child lives: the name leads there. */
static void open_and_fork(void *arg)
{
    int *go = arg;
    struct share_area *area = named(harness_name("shm:test-area-d"), 0);
    if (fork() == 0) {
        *(int *)share_area_memory(area) = 7;
        while (!__atomic_load_n(go, __ATOMIC_ACQUIRE))
            plait_sleep(plait_after(PLAIT_MILLISECOND));
        _exit(0);
    }
    _exit(0);
}

TEST_LABELED(a_forked_child_keeps_the_name, "process")
{
    int *go = plait_share(sizeof *go);
    for (int i = 0; i < 20; i++) {
        *go = 0;
        pid_t pid = fork();
        if (pid == 0)
            open_and_fork(go);
        waitpid(pid, NULL, 0);
        struct share_area *area = named(harness_name("shm:test-area-d?attach"), 0);
        ck_assert_ptr_nonnull(area);
        __atomic_store_n(go, 1, __ATOMIC_RELEASE);
        struct share_others others;
        while (!share_users_others(area, &others))
            plait_sleep(plait_after(PLAIT_MILLISECOND));
        ck_assert(others.died); /* by _exit */
        ck_assert_int_eq(*(int *)share_area_memory(area), 7);
        share_area_close(area);
    }
    plait_share_free(go);
}

/* Whole at once, since an empty one is swept away by whoever opens a name. */
static void write_name(const char *text)
{
    char path[200], other[200];
    snprintf(path, sizeof path, "/dev/shm/plait-%u-%s", geteuid(), harness_name("test-area-e"));
    snprintf(other, sizeof other, "/dev/shm/%s", harness_name("test-area-e"));
    int file = open(other, O_RDWR | O_CREAT, 0600);
    ck_assert_int_eq((int)write(file, text, strlen(text)), (int)strlen(text));
    close(file);
    ck_assert_int_eq(rename(other, path), 0);
}

TEST(a_name_that_is_none)
{
    char path[200], target[200];
    write_name("hello");
    refused(harness_name("shm:test-area-e"), 0, PLAIT_EFORMAT);
    snprintf(path, sizeof path, "/dev/shm/plait-%u-%s", geteuid(), harness_name("test-area-e"));
    ck_assert_int_eq(chmod(path, 0644), 0);
    refused(harness_name("shm:test-area-e"), 0, EACCES);
    unlink(path);
    snprintf(target, sizeof target, "/tmp/plait-test-area-%d", getpid());
    ck_assert_int_eq(symlink(target, path), 0);
    refused(harness_name("shm:test-area-e"), 0, EACCES);
    unlink(path);
    ck_assert_int_ne(access(target, F_OK), 0);
}

static int slow(void *memory, size_t size, void *arg)
{
    plait_sleep(plait_after(20 * PLAIT_MILLISECOND));
    *(int *)memory = 9;
    return 0;
}

static int open_slowly(void *arg)
{
    struct share_request request = {
        .kind = "test", .url = harness_name("shm:test-area-f"), .size = 64, .prepare = slow};
    struct share_area *area = share_area_open(&request);
    if (!area || *(int *)share_area_memory(area) != 9)
        return 1;
    __atomic_fetch_add((int *)arg, share_area_is_new(area), __ATOMIC_RELAXED);
    plait_sleep(plait_after(50 * PLAIT_MILLISECOND));
    share_area_close(area);
    return 0;
}

TEST_CARRIERS(nobody_sees_it_before_it_is_prepared)
{
    int *made = plait_share(sizeof *made);
    plait_task *tasks[4];
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(plait_start(&tasks[i], carrier, open_slowly, made, NULL), 0);
    for (int i = 0; i < 4; i++) {
        int status;
        plait_join(tasks[i], &status, PLAIT_NEVER);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_int_eq(*made, 1);
    plait_share_free(made);
    /* Two that close at once may each take the other for a user: the next open of any name
     * sweeps. */
    struct share_area *last = named(harness_name("shm:test-area-i?create"), 0);
    ck_assert_ptr_nonnull(last);
    share_area_close(last);
}

/* ---- handles */

static void *object_of(struct share_area *area, uint32_t part)
{
    share_area_own(area, (char *)area + 1 + part, part);
    return (char *)area + 1 + part;
}
static struct share_kind test_kind = {.kind = "test", .open = object_of};

static int open_handle(struct share_handle *handle, int *word)
{
    char *object = share_handle_open(handle);
    if (!object)
        return 1;
    struct share_area *area = (struct share_area *)(object - 1 - handle->part);
    int *own = share_area_memory(area);
    if (own == word || *own != 5)
        return 2;
    *own = 6;
    share_area_close(area);
    return 0;
}

TEST_LABELED(a_handle_takes_an_area_to_another_process, "process")
{
    struct share_handle handle;
    struct share_others others;
    int status;
    share_kind_register(&test_kind);
    struct share_area *area = named(harness_name("shm:test-area-g"), 3);
    int *word = share_area_memory(area);
    *word = 5;
    share_area_own(area, &status, 1);
    ck_assert_int_eq(share_handle_of(&status, &handle), 0);
    ck_assert_uint_eq(handle.part, 1);
    ck_assert(!share_users_others(area, &others) && others.alive && !others.ever);
    pid_t pid = fork();
    if (pid == 0)
        exit(open_handle(&handle, word));
    share_handle_sent(&handle, pid);
    waitpid(pid, &status, 0);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(*word, 6);
    ck_assert(share_users_others(area, &others) && !others.died);
    ck_assert_int_eq(share_handle_of(area, &handle), -EINVAL);
    share_area_close(area);
}

TEST_LABELED(a_handle_that_was_not_sent_is_nobody, "process")
{
    struct share_handle handle;
    struct share_others others;
    struct share_area *area = make(64, 0);
    share_area_own(area, area, 0);
    ck_assert_int_eq(share_handle_of(area, &handle), 0);
    share_handle_sent(&handle, -1);
    ck_assert(!share_users_others(area, &others) && !others.ever && !others.alive);
    share_area_close(area);
}

TEST_LABELED(a_handle_of_plain_memory, "process")
{
    struct share_handle handle;
    char *memory = plait_share(5000);
    memory[4500] = 'x';
    ck_assert_int_eq(share_handle_of(memory + 4500, &handle), 0);
    char *same = share_handle_open(&handle);
    ck_assert(same && same != memory + 4500 && *same == 'x');
    ck_assert(share_contains(same, 8192 - 4500) && !share_contains(same, 8192 - 4499));
    plait_share_free(same - 4500);
    handle = (struct share_handle){.kind = "memory", .size = 1 << 20, .file = (uint32_t)dup(0)};
    ck_assert_ptr_null(share_handle_open(&handle));
    ck_assert_int_eq(errno, PLAIT_EFORMAT);
    ck_assert_int_eq(share_handle_of(&handle, &handle), -EINVAL);
    ck_assert_int_eq(share_handle_of(NULL, &handle), -EINVAL);
    plait_share_free(memory);
}

/* ---- what the machine refuses */

static void as_nobody(void *arg)
{
    if (setgid(65534) || setuid(65534))
        _exit(3);
    fprintf(stderr, "%s", named("shm:test-area-h", 0) ? "opened" : strerror(errno));
}

TEST_LABELED(another_users_name_is_refused, "process")
{
    char text[256];
    const char *path = "/dev/shm/plait-65534-test-area-h";
    if (geteuid() != 0)
        harness_skip("not root");
    int file = open(path, O_RDWR | O_CREAT, 0600);
    close(file);
    harness_fork(as_nobody, NULL, text, sizeof text);
    ck_assert_str_eq(text, strerror(EACCES));
    ck_assert_int_eq(chmod(path, 0666), 0); /* it may be opened now, but whose is it? */
    harness_fork(as_nobody, NULL, text, sizeof text);
    ck_assert_str_eq(text, strerror(EACCES));
    unlink(path);
}

static void in_new_namespace(void *arg)
{
    if (unshare(CLONE_NEWPID | CLONE_NEWNS) != 0)
        return;
    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
    pid_t pid = fork();
    if (pid == 0) {
        mount("proc", "/proc", "proc", 0, NULL);
        fprintf(stderr, "%s", named("shm:test-area-i", 0) ? "opened" : strerror(errno));
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}

TEST_LABELED(another_pid_namespace_is_refused, "process")
{
    char text[256];
    struct share_area *area = named("shm:test-area-i", 0);
    harness_fork(in_new_namespace, NULL, text, sizeof text);
    share_area_close(area);
    if (!*text)
        harness_skip("no namespaces here");
    ck_assert_str_eq(text, strerror(EXDEV));
}

static void without_descriptors(void *arg)
{
    struct share_area *area = named("shm:test-area-j", 0);
    int last = open("/dev/null", O_RDONLY);
    struct rlimit enough, few;
    getrlimit(RLIMIT_NOFILE, &enough);
    few = (struct rlimit){(rlim_t)last + 1, enough.rlim_max};
    setrlimit(RLIMIT_NOFILE, &few);
    errno = 0;
    bool refused = !named("shm:test-area-k", 0) && errno == EMFILE;
    pid_t pid = fork(); /* it cannot be known, so nobody may be told that all are gone */
    if (pid == 0)
        exit(0); /* and does not take its parent with it when it leaves */
    waitpid(pid, NULL, 0);
    struct share_others others;
    bool unsure = !share_users_others(area, &others) && others.alive;
    bool here = !share_user_is_gone(area, share_user_me(area));
    setrlimit(RLIMIT_NOFILE, &enough);
    fprintf(stderr, refused && unsure && here ? "right" : "refused %d unsure %d here %d", refused,
            unsure, here);
    share_area_close(area);
}

TEST_LABELED(without_descriptors_it_is_told, "process")
{
    char text[256];
    harness_fork(without_descriptors, NULL, text, sizeof text);
    ck_assert_str_eq(text, "right");
}

TEST_LABELED(a_stopped_process_is_no_dead_one, "process")
{
    struct share_others others;
    struct family family = {make(64, 0), NULL};
    family.word = share_area_memory(family.area);
    plait_task *task;
    ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, user_of, &family, NULL), 0);
    await(family.word, 1);
    kill(plait_task_pid(task), SIGSTOP);
    for (int i = 0; i < 20; i++) {
        ck_assert(!share_users_others(family.area, &others) && others.alive);
        plait_sleep(plait_after(PLAIT_MILLISECOND));
    }
    say(family.word, 2);
    kill(plait_task_pid(task), SIGCONT);
    ck_assert_int_eq(plait_join(task, NULL, PLAIT_NEVER), 0);
    share_area_close(family.area);
}

TEST(it_has_so_many_users_and_no_more)
{
    enum { MORE = SHARE_USERS };
    struct share_handle *handles = calloc(MORE, sizeof *handles);
    struct share_area *area = make(64, 0);
    struct rlimit enough = {2 * SHARE_USERS, 2 * SHARE_USERS};
    if (setrlimit(RLIMIT_NOFILE, &enough) != 0)
        harness_skip("not so many descriptors");
    share_area_own(area, area, 0);
    for (int i = 0; i < SHARE_USERS - 1; i++)
        ck_assert_int_eq(share_handle_of(area, &handles[i]), 0);
    ck_assert_int_eq(share_handle_of(area, &handles[SHARE_USERS - 1]), -EUSERS);
    for (int i = 0; i < SHARE_USERS - 1; i++)
        share_handle_sent(&handles[i], -1);
    ck_assert_int_eq(share_handle_of(area, &handles[0]), 0);
    share_handle_sent(&handles[0], -1);
    share_area_close(area);
    free(handles);
}
