/* A stack that ran over hits its guard page: the kernel sends SIGSEGV, and the default tells
 * nobody why. The handler here stands on a stack of its own, says who and where, and then lets
 * happen what would have happened without it: the host's handler, or the default with its core
 * file. It never goes on after a fault. */
#include "os/overflow.h"
#include "os/os.h"
#include "os/syscall.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__has_include)
#if __has_include(<execinfo.h>)
#include <execinfo.h>
#define OS_EXECINFO 1
#endif
#endif

enum { ALTERNATE = 64 * 1024, ENOUGH = 16 * 1024, FRAMES = 48 };

static void (*tell)(void *address, void *context);
static struct sigaction before_segv, before_bus;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static __thread void
    *alternate; /* this thread's mapping, guard page first; NULL: the host's is used */

static void *program_counter(void *context)
{
    const mcontext_t *machine = &((ucontext_t *)context)->uc_mcontext;
#if defined(__x86_64__)
    return (void *)machine->gregs[REG_RIP];
#else
    return (void *)machine->pc;
#endif
}

static bool is_function(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) ||
           (action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN);
}

/* SIG_IGN counts as the default, because the kernel ends a program that ignores its own fault as
 * well. */
static void chain(int number, siginfo_t *info, void *context)
{
    const struct sigaction *before = number == SIGSEGV ? &before_segv : &before_bus;
    if (!is_function(before)) {
        signal(number, SIG_DFL);
        if (info->si_code <= 0) /* sent by kill: returning would not bring it again */
            raise(number);
    } else if (before->sa_flags & SA_SIGINFO) {
        before->sa_sigaction(number, info, context);
    } else {
        before->sa_handler(number);
    }
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    int saved = os_errno_get();
    if (info->si_code > 0)
        tell(info->si_addr, context);
    chain(number, info, context);
    os_errno_set(saved);
}

static void install(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
#ifdef OS_EXECINFO
    void *first[1];
    backtrace(first, 1); /* its first call loads a library, which the handler must not do */
#endif
    sigaction(SIGSEGV, NULL, &before_segv); /* before ours can run: it reads these */
    sigaction(SIGBUS, NULL, &before_bus);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}

void os_overflow_install(void (*told)(void *address, void *context))
{
    int saved = os_errno_get();
    __atomic_store_n(&tell, told, __ATOMIC_RELAXED); /* pthread_once orders it before the handler */
    pthread_once(&once, install);
    os_errno_set(saved);
}

int os_overflow_stack(void)
{
    stack_t now;
    if (OS_CALL(sigaltstack, NULL, &now) == 0 && !(now.ss_flags & SS_DISABLE) &&
        now.ss_size >= ENOUGH)
        return 0; /* the host's or a sanitizer's own, which it will want to find again */
    char *memory = os_map(OS_PAGE + ALTERNATE);
    if (!memory)
        return -ENOMEM;
    stack_t stack = {.ss_sp = memory + OS_PAGE, .ss_size = ALTERNATE};
    int r = os_guard(memory, OS_PAGE);
    if (r == 0)
        r = (int)OS_CALL(sigaltstack, &stack, NULL);
    if (r < 0)
        os_unmap(memory, OS_PAGE + ALTERNATE);
    else
        alternate = memory;
    return r;
}

void os_overflow_drop(void)
{
    stack_t none = {.ss_flags = SS_DISABLE};
    if (!alternate)
        return;
    OS_SURE(sigaltstack, &none, NULL);
    os_unmap(alternate, OS_PAGE + ALTERNATE);
    alternate = NULL;
}

static void write_address(int descriptor, uintptr_t address)
{
    char line[] = "0x0000000000000000\n";
    for (int digit = 17; digit > 1; digit--, address >>= 4)
        line[digit] = "0123456789abcdef"[address & 15];
    OS_SURE(write, descriptor, line, sizeof line - 1);
}

void os_backtrace(int descriptor, void *context)
{
    void *place = context ? program_counter(context) : NULL;
#ifdef OS_EXECINFO
    void *frames[FRAMES];
    int count = backtrace(frames, FRAMES), first = 0;
    while (place && first < count && frames[first] != place)
        first++; /* the handler's own frames say nothing */
    if (first < count) {
        backtrace_symbols_fd(frames + first, count - first, descriptor);
        return;
    }
#endif
    write_address(descriptor, (uintptr_t)place);
}
