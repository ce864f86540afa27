/* The harness itself: a leak is found, a hang ends, an abort is recognized. */
#include "harness.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

static void abort_with_words(void *words)
{
    fputs(words, stderr);
    abort();
}

TEST(an_abort_is_recognized)
{
    harness_dies(abort_with_words, "lock 'till': released by a stranger", "'till'");
}

static void say_and_leave(void *status)
{
    fputs("words", stderr);
    _exit(*(int *)status);
}

TEST(what_a_child_says_comes_back)
{
    char text[16];
    int status = 7;
    int end = harness_fork(say_and_leave, &status, text, sizeof text);
    ck_assert(WIFEXITED(end) && WEXITSTATUS(end) == 7);
    ck_assert_str_eq(text, "words");
}

TEST(open_descriptors_are_counted)
{
    int before = harness_descriptors();
    int descriptor = open("/dev/null", O_RDONLY);
    ck_assert_int_eq(harness_descriptors(), before + 1);
    close(descriptor);
    ck_assert_int_eq(harness_descriptors(), before);
}

/* These two fail on purpose; they run only below, as programs whose failure is the result. */
static bool on_purpose(void)
{
    return getenv("HARNESS_ON_PURPOSE") != NULL;
}

TEST(leaks_when_told)
{
    if (on_purpose())
        ck_assert_int_ge(open("/dev/null", O_RDONLY), 0);
}

TEST(hangs_when_told)
{
    while (on_purpose())
        pause();
}

static void run_case(void *name)
{
    setenv("HARNESS_ON_PURPOSE", "1", 1);
    setenv("PLAIT_TEST_SECONDS", "1", 1);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    execl("/proc/self/exe", "test_harness", name, (char *)NULL);
}

TEST_LABELED(a_leaked_descriptor_fails_the_case, "noqemu")
{
    char text[4096];
    int end = harness_fork(run_case, "leaks_when_told", text, sizeof text);
    ck_assert(WIFEXITED(end) && WEXITSTATUS(end) == 1);
    ck_assert_msg(strstr(text, "left over: descriptor") != NULL, "%s", text);
}

TEST_LABELED(a_hang_ends_with_a_dump, "noqemu")
{
    char text[4096];
    int end = harness_fork(run_case, "hangs_when_told", text, sizeof text);
    ck_assert(WIFEXITED(end) && WEXITSTATUS(end) == 1);
    ck_assert_msg(strstr(text, "this case hangs") != NULL, "%s", text);
}
