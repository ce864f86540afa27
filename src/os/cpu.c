#include "os/cpu.h"

/* glibc 2.35 and newer: where struct rseq lies, whose first member is a CPU's number at all
 * times. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));

ptrdiff_t os_cpu_offset;

/* A variable of our own, because the library's is reached through a table of addresses, at each
 * read. */
__attribute__((constructor)) static void cpu_find(void)
{
    const ptrdiff_t *offset = &__rseq_offset;
    if (offset)
        os_cpu_offset = *offset;
}
