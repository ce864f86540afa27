/* Which CPU runs this thread, for two instructions instead of a system call: a hint, since it may
 * be another one at the next instruction. For spreading what many CPUs write over several lines. */
#ifndef OS_CPU_H
#define OS_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef PLAIT_EXPLORE
unsigned os_cpu_hint(void); /* the explorer's choice */
#else
/* Where the kernel keeps the number up to date, seen from the thread pointer; 0: nowhere (musl), or
 * not known yet. Then it is a number that threads mostly have different ones of. */
extern ptrdiff_t os_cpu_offset __attribute__((visibility("hidden")));

static inline unsigned os_cpu_hint(void)
{
    ptrdiff_t offset = os_cpu_offset;
    uint32_t cpu;
    /* Assembler, because a compiler may keep a thread pointer across a switch to another thread. */
#if defined(__x86_64__)
    __asm__ volatile("movl %%fs:(%1), %0" : "=r"(cpu) : "r"(offset));
#elif defined(__aarch64__)
    uintptr_t thread;
    __asm__ volatile("mrs %0, tpidr_el0" : "=r"(thread));
    cpu = offset ? *(volatile uint32_t *)(thread + (uintptr_t)offset) : (uint32_t)thread;
#else
    cpu = 0;
#endif
    return __builtin_expect(offset != 0, true) ? cpu : cpu >> 12;
}
#endif

#endif
