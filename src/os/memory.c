#include "os/os.h"
#include "os/syscall.h"
#include "os/text.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <unistd.h>

enum { GUARD_INSTALL = 102, GUARD_REMOVE = 103, NO_EXEC_SEAL = 8 };
#define CHUNK ((off_t)256 << 10) /* 0.1 ms */
#define SMALL ((size_t)16 << 20)

/* libc's mmap, not a raw one: the sanitizers watch it to forget what they knew about the
 * addresses. */
static void *map(size_t size, int flags, int descriptor)
{
    int saved = os_errno_get();
    if (OS_FAULT("mmap"))
        return NULL;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, descriptor, 0);
    os_errno_set(saved);
    return memory == MAP_FAILED ? NULL : memory;
}

void *os_map(size_t size)
{
    void *memory = map(size, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    if (memory) /* a huge page would make each parked stack cost 2 MB */
        OS_SURE(madvise, memory, size, MADV_NOHUGEPAGE);
    return memory;
}

void *os_map_file(int descriptor, size_t size)
{
    return map(size, MAP_SHARED, descriptor);
}

void *os_map_copy(int descriptor, size_t size)
{
    return map(size, MAP_PRIVATE, descriptor);
}

int os_page_allow(void *page, bool writes)
{
    return (int)OS_CALL(mprotect, page, OS_PAGE, writes ? PROT_READ | PROT_WRITE : PROT_READ);
}

void os_unmap(void *memory, size_t size)
{
    int saved = os_errno_get();
    munmap(memory, size);
    os_errno_set(saved);
}

/* The guard marker makes no mapping of its own, so that a million stacks stay below
 * vm.max_map_count. It is refused in locked memory (mlockall), where mprotect still works. */
int os_guard(void *page, size_t size)
{
    if (os_has(OS_GUARD) && OS_CALL(madvise, page, size, GUARD_INSTALL) == 0)
        return 0;
    return (int)OS_CALL(mprotect, page, size, PROT_NONE);
}

int os_unguard(void *page, size_t size)
{
    if (os_has(OS_GUARD))
        OS_SURE(madvise, page, size, GUARD_REMOVE);
    return (int)OS_CALL(mprotect, page, size,
                        PROT_READ | PROT_WRITE); /* either way may have been taken */
}

void os_discard(void *memory, size_t size)
{
    OS_SURE(madvise, memory, size, MADV_FREE);
}

/* Without /proc half of all memory, which is what a tmpfs may take by default. */
static uint64_t available(void)
{
    char text[1024];
    struct sysinfo all;
    const char *line =
        os_text_read("/proc/meminfo", text, sizeof text) ? strstr(text, "MemAvailable:") : NULL;
    if (line)
        return strtoull(line + sizeof "MemAvailable:" - 1, NULL, 10) * 1024;
    return OS_CALL(sysinfo, &all) == 0 ? (uint64_t)all.totalram * all.mem_unit / 2 : 0;
}

/* A memfd has no limit of its own: fallocate would go on until the kernel kills programs to find
 * more. An eighth is left to everybody else, because the number is old as soon as it is read. Small
 * ones are not worth the look. */
static bool fits(size_t size)
{
    if (size < SMALL)
        return true;
    uint64_t most = available();
    return size <= most - most / 8;
}

/* In pieces, because an interrupted fallocate of this kind gives everything back and a profiler's
 * timer would then never let a large one end (16 MB take 5 ms). */
static long allocate(long file, off_t from, off_t size)
{
    long r = 0;
    for (off_t at = from; at < size && r == 0; at += CHUNK)
        r = OS_CALL_AGAIN(fallocate, file, 0, at, size - at < CHUNK ? size - at : CHUNK);
    return r;
}

int os_memfd(const char *name, size_t size)
{
    if (size == 0 || size > INT64_MAX)
        return -EINVAL;
    if (!fits(size))
        return -ENOSPC;
    long file = OS_CALL(memfd_create, name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (file == -EACCES) /* sysctl vm.memfd_noexec=2 wants it said */
        file = OS_CALL(memfd_create, name, MFD_CLOEXEC | MFD_ALLOW_SEALING | NO_EXEC_SEAL);
    if (file < 0)
        return (int)file;
    long r = allocate(file, 0, (off_t)size);
    if (r == 0) /* no peer can cut it, which would be a SIGBUS for us */
        r = OS_CALL(fcntl, file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL);
    if (r == 0)
        return (int)file;
    os_close((int)file);
    return (int)r;
}

bool os_memfd_is_sealed(int descriptor)
{
    long seals = OS_CALL(fcntl, descriptor, F_GET_SEALS);
    return seals >= 0 && seals & F_SEAL_SHRINK;
}

int os_memfd_grow(int descriptor, size_t from, size_t to)
{
    return fits(to - from) ? (int)allocate(descriptor, (off_t)from, (off_t)to) : -ENOSPC;
}

void *os_alloc(size_t size)
{
    int saved = os_errno_get();
    void *memory = OS_FAULT("alloc") ? NULL : calloc(1, size);
    os_errno_set(saved);
    return memory;
}

void *os_alloc_lines(size_t size)
{
    int saved = os_errno_get();
    size_t whole = (size + OS_LINE - 1) & ~(size_t)(OS_LINE - 1);
    void *memory = OS_FAULT("alloc") || whole < size ? NULL : aligned_alloc(OS_LINE, whole);
    if (memory)
        memset(memory, 0, whole);
    os_errno_set(saved);
    return memory;
}

void os_free(void *memory)
{
    int saved = os_errno_get(); /* older libcs change it */
    free(memory);
    os_errno_set(saved);
}

/* The kernel copies, because it answers with an error where we would get a signal. */
/* The kernel copies into a pipe, and says if the address is none: for those who forbid or lack the
 * call that is meant for it (seccomp filters, qemu). */
static bool peek_by_pipe(const void *address, void *copy, size_t size)
{
    int ends[2];
    if (OS_CALL(pipe2, ends, O_NONBLOCK | O_CLOEXEC) < 0)
        return false;
    bool good = OS_SURE(write, ends[1], address, size) == (long)size &&
                OS_SURE(read, ends[0], copy, size) == (long)size;
    os_close(ends[0]);
    os_close(ends[1]);
    return good;
}

bool os_peek(const void *address, void *copy, size_t size)
{
    struct iovec to = {copy, size}, from = {(void *)address, size};
    long got = OS_SURE(process_vm_readv, getpid(), &to, 1, &from, 1, 0);
    if (got == -ENOSYS || got == -EPERM)
        return peek_by_pipe(address, copy, size);
    return got == (long)size;
}
