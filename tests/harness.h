/* What a test file needs: Check's assertions, cases that register themselves, and a few questions
 * that many tests ask.
 *
 *     #include "harness.h"
 *
 *     TEST(put_refuses_a_closed_queue)
 *     {
 *         ck_assert_int_eq(plait_put(queue, &item, PLAIT_NOW), -EPIPE);
 *     }
 *
 * The file has no main: tests/harness.c is it. Each case is a CTest entry that runs as a process of
 * its own, `test_queue put_refuses_a_closed_queue`; without a name all run, one after the other.
 * After the case the harness ends plait's own threads (plait_quiesce) and compares descriptors,
 * children, threads and /dev/shm with what was there before: what is left over fails the case. A
 * case that hangs for PLAIT_TEST_SECONDS (60) is ended by SIGALRM: plait_dump tells who waits for
 * what, then it aborts. */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include <check.h>
#include <errno.h>
#include <plait.h>
#include <stdio.h>
#include <stdlib.h>

struct harness_case {
    const char *name;
    /* For ctest -L and -LE, spaces between; process: forks, so TSan's run leaves it out; noasan,
     * notsan: not under that sanitizer; noqemu: starts itself by exec, or asks for what qemu-user
     * does not do (MADV_FREE) */
    const char *labels;
    void (*body)(int argument);
    int argument;
    const char *file;
    int line;
    struct harness_case *next;
};
void harness_add(struct harness_case *one);

#define HARNESS_CASE_(id, text, labels, body, argument)                                            \
    __attribute__((constructor)) static void id##_add(void)                                        \
    {                                                                                              \
        static struct harness_case one = {text, labels, body, argument, __FILE__, __LINE__, NULL}; \
        harness_add(&one);                                                                         \
    }

#define TEST(name) TEST_LABELED(name, "")
#define TEST_LABELED(name, labels)                                                                 \
    static void name(int argument_);                                                               \
    HARNESS_CASE_(name, #name, labels, name, 0)                                                    \
    static void name(int argument_)

/* One case for each carrier; the body has `carrier`. TEST_LIGHT leaves out the process. */
#define TEST_LIGHT(name)                                                                           \
    static void name(plait_carrier carrier);                                                       \
    static void name##_of(int carrier)                                                             \
    {                                                                                              \
        name((plait_carrier)carrier);                                                              \
    }                                                                                              \
    HARNESS_CASE_(name##_thread, #name ".thread", "", name##_of, PLAIT_THREAD)                     \
    HARNESS_CASE_(name##_coroutine, #name ".coroutine", "", name##_of, PLAIT_COROUTINE)            \
    static void name(plait_carrier carrier)
#define TEST_CARRIERS(name)                                                                        \
    static void name##_of(int carrier);                                                            \
    HARNESS_CASE_(name##_process, #name ".process", "process", name##_of, PLAIT_PROCESS)           \
    TEST_LIGHT(name)

/* A case that cannot run here (a kernel without it, not root): reason to stderr, CTest shows it as
 * skipped. */
_Noreturn void harness_skip(const char *reason);

/* Runs function(arg) in a forked child, without the harness' checks; what it writes to stderr goes
 * into `text` (cut, NUL-terminated). Gives the status as wait(2) does; the child leaves by exit(0)
 * when function returns. */
int harness_fork(void (*function)(void *arg), void *arg, char *text, size_t size);

/* Misuse: function(arg) must end by SIGABRT, and what it says must contain `words`. */
void harness_dies(void (*function)(void *arg), void *arg, const char *words);

/* A name in /dev/shm ("shm:area?create") with this case's number behind it, so that two runs beside
 * each other do not meet, and what the case leaves there is found. Valid for the next 15 calls. */
const char *harness_name(const char *text);

/* Descriptors open now, threads of this process that are not plait's own (their names begin with
 * "plait"). */
int harness_descriptors(void);
int harness_threads(void);

#endif
