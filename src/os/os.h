/* The whole contract between plait and the machine: clock, futex, threads, processes, memory,
 * poller, context switch, and what the kernel can do. The only folder with #if on platforms; a new
 * platform is new files here.
 *
 * Rules for all of it: results are 0, a count or a descriptor, else -errno; errno itself is left as
 * it was; no call here takes a lock of libc or allocates unless its line says so, so that all may
 * be used beside a fork and by the watcher. Every system call passes the seam of os/fault.h, so
 * that tests can make the Nth one fail. Deadlines are absolute nanoseconds of CLOCK_MONOTONIC;
 * OS_NEVER does not end. EINTR never comes out of here.
 *
 * No call of the kernel is made elsewhere, but for what libc must know of (fork, exit, threads) and
 * what a child does to itself before its task begins (setsid, chdir). tests/layers.py looks. */
#ifndef OS_OS_H
#define OS_OS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define OS_NEVER INT64_MAX
#define OS_LINE 64 /* bytes of a cache line */
#define OS_PAGE 4096

/* ---- clock.c */
int64_t os_now(void);        /* CLOCK_MONOTONIC by the vDSO, about 25 ns */
int64_t os_now_coarse(void); /* the same, up to 4 ms behind, about 5 ns */
void os_relax(void);         /* the CPU's pause hint inside a spin */
/* This thread, at least so long; start-up and tests only: tasks sleep in wait/ */
void os_sleep(int64_t ns);

/* ---- futex.c: sleeping in the kernel. `shared`: the word lies in memory of several processes. */
struct os_word {
    uint32_t *word;
    uint32_t seen;
    bool shared;
};
enum { OS_WAIT_ANY_MOST = 128 };
/* While *word is `seen`, until woken. 0 woken (or a signal came: look again), -EAGAIN it had
 * another value, -ETIMEDOUT. */
int os_futex_wait(uint32_t *word, uint32_t seen, bool shared, int64_t deadline);
/* On all words at once (1 .. OS_WAIT_ANY_MOST): the index woken, -EAGAIN, -EINTR (look again),
 * -ETIMEDOUT, -ENOSYS where the kernel has no futex_waitv (qemu). */
int os_futex_wait_any(const struct os_word *words, int count, int64_t deadline);
int os_futex_wake(uint32_t *word, int count, bool shared); /* how many were woken */
/* One who sleeps on the private word sleeps on the other one from now on, whose value does not
 * matter: so that one wake does for many. How many: 0 or 1. */
int os_futex_move(uint32_t *word, uint32_t *onto);
/* ---- holder.c */
/* Takes bit `bit` off and wakes all who sleep, in one step of the kernel, so that nobody falls
 * asleep or is killed in between. How many were woken. */
int os_futex_clear(uint32_t *word, int bit, bool shared);
/* No thread of this number lives any more, and the kernel has walked its robust list. Sends
 * nothing, needs no permission. */
bool os_thread_is_gone(pid_t tid);
/* When it began, in ticks since the machine did; 0: not known. */
uint64_t os_thread_born(pid_t tid);

/* ---- thread.c */
pid_t os_tid(void);
int64_t os_thread_cpu(pid_t tid); /* ns of CPU time of a thread of this process; 0: it is gone */
bool os_thread_is_runnable(pid_t tid); /* runs, or would if it had a CPU: it is not blocked */
void os_yield(void);                   /* sched_yield(2) */
/* Bytes of stack below the caller's frame; 0: not known. A thread's first call asks libc, which
 * allocates for a moment. */
size_t os_stack_room(void);
/* CPUs of the affinity mask, not more than the container's quota rounded up; >= 1 */
int os_cpus(void);
/* CPUs of the affinity mask the program began with: may two threads run at once? */
int os_cpus_allowed(void);
/* A thread of plait's own: all signals blocked but SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT; 256 KB
 * of stack unless `stack` says more; named for ps. Detached. Allocates (pthread_create). */
int os_thread_start(void (*main)(void *), void *arg, size_t stack, const char *name);
/* Before a fork: waits for threads of plait's own that are on their way, where the child needs
 * that.
 */
void os_threads_settle(void);
/* A thread for a user's function: joinable, signals as the caller's, the default stack unless
 * `stack` bytes are asked for. Allocates. */
int os_thread_create(pthread_t *thread, void *(*main)(void *), void *arg, size_t stack);
void os_thread_name(const char *name);
int *os_errno_at(void); /* of the calling thread */
int os_errno_get(void);
/* Never inlined, because gcc keeps the address of errno across a switch to another thread */
void os_errno_set(int value);

/* ---- signal.c */
/* From now on the signal only makes a mark. -EBUSY: the program has a handler for it */
int os_signal_catch(int number);
/* Until there is another count of marks than `seen`; the new one, the first time against 0 */
uint32_t os_signal_wait(uint32_t seen);

/* ---- process.c: children, raw system calls only */
int os_pidfd_open(pid_t pid);
int os_pidfd_signal(int pidfd, int signal);
struct os_exit {
    int status; /* as wait(2) gives it: WIFEXITED, WTERMSIG ... */
    /* False: the host's own wait() took it, and the kernel is too old to be asked again */
    bool known;
};
/* Has the child of this pidfd ended? 1: yes, *end filled; 0: not yet; -errno. Reaps exactly this
 * child (waitid(P_PIDFD)); where the host program took its status away it asks PIDFD_GET_INFO.
 * Never waitpid(-1). */
int os_pidfd_reap(int pidfd, struct os_exit *end);
/* SIGKILL; 0 or -errno. To itself it does not return. */
int os_kill(pid_t pid);
/* Takes the status of a child that ends at once, whose pidfd is not to be had; blocks until then.
 * Whoever else took it does no harm. */
void os_reap(pid_t pid);
/* At exit(status) `function` is told all of status, of which a parent sees eight bits, after the
 * handlers that are registered later. False: this libc cannot (musl), or no memory. */
bool os_on_exit(void (*function)(int status, void *arg));
/* PDEATHSIG = SIGKILL, and the re-check that the parent is still `parent`: else -ESRCH */
int os_die_with_parent(pid_t parent);

/* ---- output.c: all of it, or -errno; raises no SIGPIPE; gives up after 20 ms where a full
 *  descriptor is non-blocking */
int os_open(const char *path, int flags, unsigned mode); /* as open(2); a descriptor */
int os_write(int descriptor, const char *text, size_t size);
bool os_is_terminal(int descriptor);

/* ---- memory.c */
/* Zeroed; NULL: no memory. The only way plait allocates: takes libc's lock, so start and open
 * paths only */
void *os_alloc(size_t size);
void *os_alloc_lines(size_t size); /* the same, aligned to lines of the cache */
void os_free(void *memory);        /* takes NULL */
/* Private zero pages, no swap reserved, no huge pages; NULL: no memory */
void *os_map(size_t size);
void os_unmap(void *memory, size_t size);
/* No access from now on: MADV_GUARD_INSTALL, else mprotect */
int os_guard(void *page, size_t size);
int os_unguard(void *page, size_t size);
/* Contents not needed: pages go back when memory is short (MADV_FREE) */
void os_discard(void *memory, size_t size);
/* Copies memory of this process that may be gone by now: false, where a plain read would be a
 * fault */
bool os_peek(const void *address, void *copy, size_t size);
/* Anonymous file of that size, close-on-exec, pages allocated and sealed against cutting, so that
 * it is -ENOSPC now, never SIGBUS later. From 16 MB on it is refused before it takes any when it
 * does not fit into MemAvailable. */
int os_memfd(const char *name, size_t size);
/* Allocates these bytes of it too; all or -ENOSPC, and then it may be longer than before. */
bool os_memfd_is_sealed(int descriptor); /* one of os_memfd: nobody can cut it */
int os_memfd_grow(int descriptor, size_t from, size_t to);
void *os_map_file(int descriptor, size_t size); /* shared mapping; NULL */
void *os_map_copy(int descriptor, size_t size); /* private one, to be written to; NULL */
int os_page_allow(void *page, bool writes);     /* one that can be read */

/* ---- file.c: the files under shared memory */
struct os_file {
    uint64_t device, inode, size;
    uint32_t mode, user, links;
};
int os_file_look(int descriptor, struct os_file *file);
int os_path_look(const char *path, struct os_file *file); /* a link itself, not what it points to */
/* A plain file of this user that nobody else may open, with one name at most */
bool os_file_is_ours(const struct os_file *file);
/* What another process has open there, if it is `wanted` by device and inode: a description of its
 * own. -ENOENT: it is something else, or the process is gone; -EACCES: not for us to see */
int os_file_of(int pid, int descriptor, const struct os_file *wanted);
int os_file_keep(int descriptor, bool over_exec);
long os_read_at(int descriptor, void *to, size_t size, uint64_t offset);
long os_write_at(int descriptor, const void *from, size_t size, uint64_t offset);
void os_unlink(const char *path);
int os_directory_each(const char *path, void (*each)(const char *name, void *arg), void *arg);
int os_pid_namespace(uint64_t *number); /* 0; -ENOSYS: no /proc */
/* An open file description of its own for the same file, by /proc; close-on-exec */
int os_file_again(int descriptor);
/* A byte is locked by an open file description, and free when the last descriptor of that is
 * closed, however its process ends. -EAGAIN: another description has it. */
int os_byte_lock(int descriptor, uint64_t byte);
void os_byte_unlock(int descriptor, uint64_t byte);
/* The first of these bytes that another description has locked; -ENOENT: none */
int64_t os_byte_locked(int descriptor, uint64_t from, uint64_t count);

/* ---- poller.c: epoll and eventfd */
int os_event_open(void); /* eventfd, non-blocking, close-on-exec */
void os_event_signal(int descriptor);
void os_event_drain(int descriptor);
struct os_ready {
    uint64_t tag;
    uint32_t events; /* OS_READABLE | OS_WRITABLE */
};
enum { OS_READABLE = 1, OS_WRITABLE = 2, OS_ONCE = 4 };
int os_poller_open(void);
/* Adds or changes; OS_ONCE: told once */
int os_poller_set(int poller, int descriptor, uint32_t events, uint64_t tag);
/* Adds one that is not there: -EEXIST */
int os_poller_add(int poller, int descriptor, uint32_t events, uint64_t tag);
int os_poller_remove(int poller, int descriptor);
/* What of `events` is so now, without waiting; 0: nothing; -EBADF. Files that cannot be waited for
 * are always ready. */
int os_descriptor_ready(int descriptor, uint32_t events);
/* Waits until one is ready or the deadline; the count, 0 at the deadline or on a signal.
 * epoll_pwait2, else epoll_wait with milliseconds rounded up. */
int os_poller_wait(int poller, struct os_ready *ready, int most, int64_t deadline);
void os_close(int descriptor);
int os_dup(int descriptor); /* another number for the same file, close-on-exec */

/* ---- context_*.S, context.c: the switch. Saves what a call must preserve (not mxcsr, x87 control,
 *  FPCR: they are per worker) on the old stack. Behind a real call in a file of its own, because
 *  gcc kept a static variable in a register across an inlined one. */
void os_switch(void **from, void *to);
/* The same, and as soon as nothing touches the old stack any more: *word = value (RELEASE), so that
 * others may switch back to it. Where it goes on, os_hand_over or os_switch returns `result`. By a
 * function's last call the registers are those of its caller, and it is that one's return. */
int os_hand_over(void **from, void *to, uint32_t *word, uint32_t value, int result);
/* A context that calls entry(arg) on the stack that ends at `top` (16-byte aligned down) when first
 * switched to; entry never returns. Unwinders stop there. */
void *os_context(void *top, void (*entry)(void *), void *arg);

/* Return addresses of a context that rests, the innermost first, along its frame pointers: at most
 * `most`, fewer where a function keeps none. Reads by os_peek, since it may run again meanwhile. */
int os_context_frames(const void *context, const void *stack, size_t size, void **frames, int most);

/* ---- overflow.h: what happens when a stack runs over its guard. sanitizer.h: what ASan, TSan and
 *  Valgrind must be told of a switch. fault.h: making calls fail. */

/* ---- robust.c: the kernel's list of what to mark when this thread dies */
struct os_robust {
    void **head;    /* first link of this thread's list (struct robust_list_head) */
    void **pending; /* its list_op_pending */
    long offset;    /* from a link to its word: -32 glibc, -28 musl */
};
int os_robust_find(struct os_robust *robust); /* -ENOSYS: none here (qemu) */

/* ---- probe.c: what this kernel has, each tried once by a real use, hidden by PLAIT_OS=-name,-name
 */
enum os_feature {
    OS_FUTEX_WAITV,
    OS_PIDFD,
    OS_PIDFD_INFO,
    OS_GUARD,
    OS_EPOLL_PWAIT2,
    OS_URING,
    OS_URING_FUTEX,
    OS_ROBUST,
    OS_FEATURES
};
bool os_has(enum os_feature feature);
/* "-uring,-guard"; called once, before the first os_has; unknown names: reported by the caller
 * through os_feature_named */
void os_hide(const char *list);
void os_lose(enum os_feature feature); /* it was there, and is refused now */
struct os_feature_info {
    const char *name;    /* as in PLAIT_OS */
    const char *what;    /* what plait uses it for */
    const char *without; /* what replaces it */
    const char *cost;    /* and what that costs */
};
const struct os_feature_info *os_feature_info(enum os_feature feature);
int os_feature_named(const char *name, size_t length); /* its number or -1 */

#endif
