/* Which CPU runs this thread, for one instruction instead of a system call: a hint, since it may be
 * another one at the next instruction. For spreading what many CPUs write over several lines. */
#ifndef OS_CPU_H
#define OS_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef PLAIT_EXPLORE
unsigned os_cpu_hint(void); /* the explorer's choice */
#else
/* Where glibc (2.35 and newer) lets the kernel keep the number up to date, seen from the thread
 * pointer: struct rseq, whose first member is a CPU's number at all times. Absent in musl. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));

static inline unsigned os_cpu_hint(void)
{
    const ptrdiff_t *offset = &__rseq_offset;
    uint32_t cpu;
    /* Assembler, because a compiler may keep a thread pointer across a switch to another thread. */
#if defined(__x86_64__)
    if (__builtin_expect(offset != NULL, true))
        __asm__ volatile("movl %%fs:(%1), %0" : "=r"(cpu) : "r"(*offset));
    else
        __asm__ volatile("movl %%fs:0, %0\n\tshrl $12, %0" : "=r"(cpu)); /* a thread's instead */
#elif defined(__aarch64__)
    uintptr_t thread;
    __asm__ volatile("mrs %0, tpidr_el0" : "=r"(thread));
    cpu = offset ? *(volatile uint32_t *)(thread + (uintptr_t)*offset) : (uint32_t)(thread >> 12);
#else
    cpu = 0;
    (void)offset;
#endif
    return cpu;
}
#endif

#endif
