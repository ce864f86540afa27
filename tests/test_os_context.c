/* os: the switch of stacks, what sanitizers are told of it, the handler of stack overflows. */
#include "harness.h"

#include "os/os.h"
#include "os/overflow.h"
#include "os/sanitizer.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STACK = 256 * 1024, COUNT = 3 };

/* A few contexts and the thread's own stack, which is number 0. */
struct place {
    void *context;
    struct os_fiber fiber;
    char *stack;
};
static struct place places[COUNT + 1];
static int current, last;

static void go(int to, bool ends)
{
    struct place *from = &places[current];
    last = current;
    current = to;
    os_fiber_leave(&from->fiber, &places[to].fiber, ends);
    os_switch(&from->context, places[to].context);
    os_fiber_arrive(&places[current].fiber, &places[last].fiber);
}

static void open_place(int number, void (*entry)(void *), void *arg)
{
    struct place *place = &places[number];
    if (!place->stack)
        place->stack = os_map(STACK);
    ck_assert_int_eq(os_guard(place->stack, OS_PAGE), 0);
    os_fiber_new(&place->fiber, place->stack, STACK, "test");
    place->context = os_context(place->stack + STACK, entry, arg);
}

static void close_place(int number)
{
    os_fiber_end(&places[number].fiber);
    os_unmap(places[number].stack, STACK);
    places[number].stack = NULL;
}

static void begin(void)
{
    current = last = 0;
    os_fiber_adopt(&places[0].fiber);
}

static void arrived(void)
{
    os_fiber_arrive(&places[current].fiber, &places[last].fiber);
}

/* ---- arguments, alignment */
static uintptr_t got, address;

static void entry(void *arg)
{
    arrived();
    volatile char here __attribute__((aligned(16))) = 0;
    got = (uintptr_t)arg;
    address = (uintptr_t)&here;
    ck_assert_uint_eq((uintptr_t)__builtin_frame_address(0) % 16, 0);
    go(0, true);
}

TEST(context_calls_its_function_on_its_stack)
{
    begin();
    for (int odd = 0; odd < 16; odd++) {
        open_place(1, entry, (void *)0x123456789abcUL);
        places[1].context =
            os_context(places[1].stack + STACK - odd, entry, (void *)(0xabcUL + odd));
        go(1, false);
        ck_assert_uint_eq(got, 0xabcUL + odd);
#ifndef OS_ASAN /* its frames lie on the heap */
        ck_assert_uint_gt(address, (uintptr_t)places[1].stack);
        ck_assert_uint_lt(address, (uintptr_t)places[1].stack + STACK);
#endif
        os_fiber_end(&places[1].fiber);
    }
    os_unmap(places[1].stack, STACK);
}

/* ---- registers: enough live integers and doubles that they fill all that a call preserves */
static long rounds;

static uint64_t mix(uint64_t seed, int to)
{
    uint64_t a = seed, b = seed * 3, c = seed * 5, d = seed * 7, e = seed * 11, f = seed * 13;
    double u = (double)seed, v = u * 2, w = u * 3, x = u * 5;
    for (long i = 0; i < rounds; i++) {
        a += 1, b += 2, c += 3, d += 4, e += 5, f += 6;
        u += 1, v += 2, w += 3, x += 4;
        go(to, false);
    }
    double sum = u + v + w + x, right = (double)seed * 11 + 10.0 * (double)rounds;
    return a + b + c + d + e + f + (sum == right ? 0 : 1);
}

static uint64_t expected(uint64_t seed)
{
    return seed * 40 + 21 * (uint64_t)rounds;
}

static uint64_t result[COUNT + 1];

static void mixer(void *arg)
{
    arrived();
    int me = (int)(intptr_t)arg;
    result[me] = mix((uint64_t)me * 1000003, me % COUNT + 1);
    for (;;)
        go(me == COUNT ? 0 : me + 1, false);
}

static void run_mixers(long switches)
{
    rounds = switches / COUNT;
    begin();
    for (int i = 1; i <= COUNT; i++)
        open_place(i, mixer, (void *)(intptr_t)i);
    go(1, false);
    for (int i = 1; i <= COUNT; i++) {
        ck_assert_uint_eq(result[i], expected((uint64_t)i * 1000003));
        close_place(i);
    }
}

TEST(switch_preserves_registers)
{
    run_mixers(1000000);
}

/* The registers themselves, without a compiler's choice of which it uses. First past the red zone,
 * because the compiler may keep something there. */
#if defined(__x86_64__)
#define SET_AND_SWITCH(from, to, seen)                                                             \
    __asm__ volatile("sub $128, %%rsp\n"                                                           \
                     "push %%rbp\n"                                                                \
                     "mov %2, %%r15\n"                                                             \
                     "lea 1(%%r15), %%rbx\n lea 2(%%r15), %%r12\n lea 3(%%r15), %%r13\n"           \
                     "lea 4(%%r15), %%r14\n lea 5(%%r15), %%rbp\n"                                 \
                     "mov %%rsp, %%rax\n and $-16, %%rsp\n push %%rax\n push %2\n"                 \
                     "call os_switch\n"                                                            \
                     "pop %%rdx\n pop %%rax\n mov %%rax, %%rsp\n"                                  \
                     "mov %%rbx, 0(%%rdx)\n mov %%r12, 8(%%rdx)\n mov %%r13, 16(%%rdx)\n"          \
                     "mov %%r14, 24(%%rdx)\n mov %%rbp, 32(%%rdx)\n mov %%r15, 40(%%rdx)\n"        \
                     "pop %%rbp\n add $128, %%rsp\n"                                               \
                     : "+D"(from), "+S"(to)                                                        \
                     : "d"(seen)                                                                   \
                     : "rax", "rbx", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",  \
                       "memory", "cc")
static void *register_from, *register_to;

static void spoil(void *arg)
{
    for (;;) {
        void **from = &register_to, *to = register_from;
        uint64_t seen[6];
        uint64_t *p = seen;
        SET_AND_SWITCH(from, to, p);
    }
}

TEST(switch_preserves_each_register)
{
#if defined(OS_ASAN) || defined(OS_TSAN)
    harness_skip("these switches are not told to sanitizers");
#endif
    char *stack = os_map(STACK);
    uint64_t seen[6];
    register_to = os_context(stack + STACK, spoil, NULL);
    for (int i = 0; i < 1000; i++) {
        memset(seen, 0, sizeof seen);
        void **from = &register_from, *to = register_to;
        uint64_t *p = seen, base = (uint64_t)(uintptr_t)seen;
        SET_AND_SWITCH(from, to, p);
        for (uint64_t k = 0; k < 5; k++)
            ck_assert_uint_eq(seen[k], base + k + 1);
        ck_assert_uint_eq(seen[5], base);
    }
    os_unmap(stack, STACK);
}
#endif

/* ---- a stack that is used again after its context never returned */
static void dirty(void *arg)
{
    arrived();
    volatile char room[3000];
    memset((char *)room, 7, sizeof room);
    go(0, true);
}

TEST(stack_can_be_used_again)
{
    begin();
    for (int i = 0; i < 50; i++) {
        open_place(1, i % 2 ? dirty : entry, NULL);
        go(1, false);
        os_fiber_end(&places[1].fiber);
    }
    os_unmap(places[1].stack, STACK);
}

/* Too large for ASan's frames on the heap. */
static void dirty_itself(void *arg)
{
    arrived();
    volatile char room[100000];
    memset((char *)room, 7, sizeof room);
    go(0, true);
}

TEST(stack_is_plain_memory_after_its_end)
{
    begin();
    open_place(1, dirty_itself, NULL);
    go(1, false);
    os_fiber_end(&places[1].fiber);
    memset(places[1].stack + OS_PAGE, 1, STACK - OS_PAGE);
    ck_assert_int_eq(places[1].stack[STACK - 1], 1);
    os_unmap(places[1].stack, STACK);
}

TEST(errno_calls_see_this_threads_errno)
{
    os_errno_set(42);
    ck_assert_int_eq(errno, 42);
    errno = 43;
    ck_assert_int_eq(os_errno_get(), 43);
}

/* ---- overflow */
static char *full_stack;

static void tell(void *fault, void *context)
{
    char text[128];
    bool ours = (char *)fault >= full_stack && (char *)fault < full_stack + OS_PAGE;
    int length = snprintf(text, sizeof text, "told: %s\n", ours ? "guard" : "elsewhere");
    if (write(STDERR_FILENO, text, (size_t)length) < 0)
        _exit(9);
    os_backtrace(STDERR_FILENO, context);
}

__attribute__((noinline)) static int deeper(int depth)
{
    volatile char room[512];
    room[0] = (char)depth;
    return depth < 0 ? 0 : deeper(depth + 1) + room[0];
}

static void no_core(void)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
}

static void overflow(void *arg)
{
    arrived();
    _exit(deeper(1));
}

static void run_over(void *host_handler)
{
    no_core();
    signal(SIGSEGV, (void (*)(int))host_handler);
    os_overflow_install(tell);
    ck_assert_int_eq(os_overflow_stack(), 0);
    begin();
    open_place(1, overflow, NULL);
    full_stack = places[1].stack;
    go(1, false);
}

TEST_LABELED(overflow_is_told_and_ends_by_sigsegv, "process")
{
    char text[8192];
    int status = harness_fork(run_over, (void *)SIG_DFL, text, sizeof text);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "%#x %s", status, text);
    ck_assert_msg(strstr(text, "told: guard\n") != NULL, "%s", text);
    ck_assert_msg(strstr(text, "0x") != NULL, "%s", text);
    status = harness_fork(run_over, (void *)SIG_IGN, text, sizeof text);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "%#x %s", status, text);
}

static void host(int number)
{
    _exit(33);
}

TEST_LABELED(overflow_goes_on_to_the_hosts_handler, "process")
{
    char text[8192];
    int status = harness_fork(run_over, (void *)host, text, sizeof text);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 33, "%#x %s", status, text);
    ck_assert_ptr_nonnull(strstr(text, "told: guard\n"));
}

static void host_with_info(int number, siginfo_t *info, void *context)
{
    _exit(info->si_addr == (void *)16 && context && number == SIGSEGV ? 34 : 1);
}

static void fault_elsewhere(void *arg)
{
    volatile char *volatile nowhere = (char *)16;
    full_stack = os_map(OS_PAGE);
    struct sigaction action = {.sa_sigaction = host_with_info, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    os_overflow_install(tell);
    os_overflow_install(tell);
    *nowhere = 1;
}

TEST_LABELED(another_fault_goes_on_with_its_address, "process")
{
    char text[8192];
    int status = harness_fork(fault_elsewhere, NULL, text, sizeof text);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 34, "%#x %s", status, text);
    ck_assert_ptr_nonnull(strstr(text, "told: elsewhere\n"));
}

static void sent(void *arg)
{
    no_core();
    signal(SIGBUS, SIG_DFL);
    os_overflow_install(tell);
    kill(getpid(), SIGBUS);
}

TEST_LABELED(a_sent_signal_is_not_told_but_ends_the_program, "process")
{
    char text[8192];
    int status = harness_fork(sent, NULL, text, sizeof text);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS, "%#x %s", status, text);
    ck_assert_ptr_null(strstr(text, "told"));
}

static void signal_stack(stack_t *now)
{
    ck_assert_int_eq(sigaltstack(NULL, now), 0);
}

TEST(signal_stack_comes_and_goes)
{
    stack_t none = {.ss_flags = SS_DISABLE}, before, now;
    signal_stack(&before); /* a sanitizer may have set one, and wants it back */
    sigaltstack(&none, NULL);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(os_overflow_stack(), 0);
        signal_stack(&now);
        ck_assert_uint_eq(now.ss_size, 64 * 1024);
        ck_assert_int_eq(os_overflow_stack(), 0); /* again: the same stays */
        os_overflow_drop();
        signal_stack(&now);
        ck_assert(now.ss_flags & SS_DISABLE);
        os_overflow_drop();
    }
    sigaltstack(&before, NULL);
}

TEST(signal_stack_of_the_host_stays)
{
    stack_t before, now, own = {.ss_sp = os_map(STACK), .ss_size = STACK};
    signal_stack(&before);
    sigaltstack(&own, NULL);
    ck_assert_int_eq(os_overflow_stack(), 0);
    os_overflow_drop();
    signal_stack(&now);
    ck_assert_ptr_eq(now.ss_sp, own.ss_sp);
    sigaltstack(&before, NULL);
    os_unmap(own.ss_sp, STACK);
}
