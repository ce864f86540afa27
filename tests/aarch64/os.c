/* What src/os does on the other CPU, as one static program for qemu-user (tests/aarch64.sh): the
 * switch, whose assembly is this CPU's own, and a few calls of each kind, whose numbers and
 * structures differ. Says what failed, else "ok" at the end. */
#include "os/os.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STACK = 64 * 1024, REGISTERS = 18 };
#define MS 1000000LL

static int failures;

#define CHECK(truth)                                                                               \
    do                                                                                             \
        if (!(truth)) {                                                                            \
            printf("line %d: %s\n", __LINE__, #truth);                                             \
            failures++;                                                                            \
        }                                                                                          \
    while (0)

static void *home, *away;
static uintptr_t got;
static int rounds;

/* ---- the switch */
static void entry(void *arg)
{
    CHECK((uintptr_t)__builtin_frame_address(0) % 16 == 0);
    for (got = (uintptr_t)arg;; rounds++)
        os_switch(&away, home);
}

static void check_context(void)
{
    char *stack = os_map(STACK);
    away = os_context(stack + STACK - 7, entry, (void *)0x123456789abcUL);
    for (int i = 0; i < 1000; i++)
        os_switch(&home, away);
    CHECK(got == 0x123456789abcUL);
    CHECK(rounds == 999);
    os_unmap(stack, STACK);
}

/* Sets x19 - x28 and d8 - d15 from `base`, switches, and stores what they are then. In assembly,
 * because no compiler can be made to use all of them. x29 is the frame's, and checked by the return
 * from here. */
void fill_and_switch(void **from, void *to, uint64_t base, uint64_t seen[REGISTERS]);
__asm__(".text\n.globl fill_and_switch\n.type fill_and_switch, %function\nfill_and_switch:\n"
        "stp x29, x30, [sp, #-176]!\n mov x29, sp\n"
        "stp x19, x20, [sp, #16]\n stp x21, x22, [sp, #32]\n stp x23, x24, [sp, #48]\n"
        "stp x25, x26, [sp, #64]\n stp x27, x28, [sp, #80]\n"
        "stp d8, d9, [sp, #96]\n stp d10, d11, [sp, #112]\n"
        "stp d12, d13, [sp, #128]\n stp d14, d15, [sp, #144]\n str x3, [sp, #160]\n"
        "mov x19, x2\n add x20, x2, #1\n add x21, x2, #2\n add x22, x2, #3\n add x23, x2, #4\n"
        "add x24, x2, #5\n add x25, x2, #6\n add x26, x2, #7\n add x27, x2, #8\n"
        "add x28, x2, #9\n"
        "add x4, x2, #10\n fmov d8, x4\n add x4, x2, #11\n fmov d9, x4\n"
        "add x4, x2, #12\n fmov d10, x4\n add x4, x2, #13\n fmov d11, x4\n"
        "add x4, x2, #14\n fmov d12, x4\n add x4, x2, #15\n fmov d13, x4\n"
        "add x4, x2, #16\n fmov d14, x4\n add x4, x2, #17\n fmov d15, x4\n"
        "bl os_switch\n"
        "ldr x3, [sp, #160]\n"
        "stp x19, x20, [x3]\n stp x21, x22, [x3, #16]\n stp x23, x24, [x3, #32]\n"
        "stp x25, x26, [x3, #48]\n stp x27, x28, [x3, #64]\n"
        "stp d8, d9, [x3, #80]\n stp d10, d11, [x3, #96]\n"
        "stp d12, d13, [x3, #112]\n stp d14, d15, [x3, #128]\n"
        "ldp d8, d9, [sp, #96]\n ldp d10, d11, [sp, #112]\n"
        "ldp d12, d13, [sp, #128]\n ldp d14, d15, [sp, #144]\n"
        "ldp x19, x20, [sp, #16]\n ldp x21, x22, [sp, #32]\n ldp x23, x24, [sp, #48]\n"
        "ldp x25, x26, [sp, #64]\n ldp x27, x28, [sp, #80]\n"
        "ldp x29, x30, [sp], #176\n ret\n"
        ".size fill_and_switch, . - fill_and_switch\n");

static void check_seen(const uint64_t *seen, uint64_t base)
{
    for (uint64_t i = 0; i < REGISTERS; i++)
        if (seen[i] != base + i) {
            printf("register %d of 18 was changed\n", (int)i);
            failures++;
        }
}

static void spoil(void *arg)
{
    uint64_t seen[REGISTERS];
    for (uint64_t base = 1u << 30;; base += 1000) {
        fill_and_switch(&away, home, base, seen);
        check_seen(seen, base);
    }
}

static void check_registers(void)
{
    char *stack = os_map(STACK);
    uint64_t seen[REGISTERS];
    away = os_context(stack + STACK, spoil, NULL);
    for (uint64_t base = 5; base < 5000; base += 50) {
        fill_and_switch(&home, away, base, seen);
        check_seen(seen, base);
    }
    os_unmap(stack, STACK);
}

/* ---- futex and threads */
static void set_word(void *arg)
{
    os_sleep(5 * MS);
    __atomic_store_n((uint32_t *)arg, 1, __ATOMIC_RELEASE);
    os_futex_wake(arg, 1, false);
}

static void check_futex(void)
{
    uint32_t word = 0;
    int64_t deadline = os_now() + 5 * MS;
    CHECK(os_futex_wait(&word, 1, false, OS_NEVER) == -EAGAIN);
    CHECK(os_futex_wait(&word, 0, true, deadline) == -ETIMEDOUT);
    CHECK(os_now() >= deadline);
    CHECK(os_thread_start(set_word, &word, 0, "plait other") == 0);
    while (!__atomic_load_n(&word, __ATOMIC_ACQUIRE))
        CHECK(os_futex_wait(&word, 0, false, os_now() + 1000 * MS) != -EINVAL);
    word = 7;
    CHECK(os_futex_clear(&word, 1, true) == 0);
    CHECK(word == 5);
    CHECK(!os_thread_is_gone(os_tid()));
    struct os_word words[2] = {{&word, 5, false}, {&word, 6, false}};
    CHECK(os_futex_wait_any(words, 2, OS_NEVER) == (os_has(OS_FUTEX_WAITV) ? -EAGAIN : -ENOSYS));
    CHECK(os_cpus() >= 1);
    os_yield();
    os_relax();
}

/* ---- poller */
static void check_poller(void)
{
    struct os_ready ready;
    int poller = os_poller_open(), event = os_event_open();
    CHECK(poller >= 0 && event >= 0);
    CHECK(os_poller_set(poller, event, OS_READABLE | OS_ONCE, 0x123456789abcdefULL) == 0);
    int64_t deadline = os_now() + 5 * MS;
    CHECK(os_poller_wait(poller, &ready, 1, deadline) == 0);
    CHECK(os_now() >= deadline);
    os_event_signal(event);
    CHECK(os_poller_wait(poller, &ready, 1, OS_NEVER) == 1);
    CHECK(ready.tag == 0x123456789abcdefULL && ready.events == OS_READABLE);
    CHECK(os_poller_wait(poller, &ready, 1, 0) == 0);
    os_event_drain(event);
    CHECK(os_poller_set(poller, event, OS_READABLE, 2) == 0);
    CHECK(os_poller_wait(poller, &ready, 1, 0) == 0);
    os_close(event);
    os_close(poller);
}

/* ---- memory: a guard must hold, whatever the probe found */
static void check_memory(void)
{
    char *page = os_map(OS_PAGE);
    int file = os_memfd("plait-test", 3 * OS_PAGE), ends[2];
    char *one = os_map_file(file, OS_PAGE), *other = os_map_file(file, OS_PAGE);
    CHECK(pipe(ends) == 0 && write(ends[1], "ab", 2) == 2);
    CHECK(os_guard(page, OS_PAGE) == 0);
    CHECK(read(ends[0], page, 1) == -1 && errno == EFAULT);
    CHECK(os_unguard(page, OS_PAGE) == 0);
    CHECK(read(ends[0], page, 1) == 1);
    one[5] = 6;
    CHECK(other[5] == 6);
    CHECK(os_memfd("plait-test", (size_t)1 << 60) == -ENOSPC);
    os_close(ends[0]);
    os_close(ends[1]);
    os_unmap(one, OS_PAGE);
    os_unmap(other, OS_PAGE);
    os_unmap(page, OS_PAGE);
    os_close(file);
}

/* ---- what the emulator has, and a child by it */
static void check_probes(void)
{
    struct os_robust robust;
    for (int i = 0; i < OS_FEATURES; i++)
        printf("%s: %s\n", os_feature_info(i)->name, os_has(i) ? "yes" : "no");
    CHECK(os_robust_find(&robust) == (os_has(OS_ROBUST) ? 0 : -ENOSYS));
    CHECK(waitpid(-1, NULL, WNOHANG | __WALL) == -1); /* the probes left none */
}

static void check_child(void)
{
    struct os_exit end;
    int r, file;
    pid_t child = os_has(OS_PIDFD) ? fork() : -1;
    if (child == 0)
        _exit(7);
    if (child < 0)
        return;
    file = os_pidfd_open(child);
    CHECK(file >= 0);
    while ((r = os_pidfd_reap(file, &end)) == 0)
        os_sleep(MS);
    CHECK(r == 1 && end.known && end.status == 7 << 8);
    os_close(file);
}

int main(void)
{
    alarm(60);
    check_context();
    check_registers();
    check_futex();
    check_poller();
    check_memory();
    check_probes();
    check_child();
    puts(failures ? "failed" : "ok");
    return failures != 0;
}
