/* Small files of the kernel: /proc, /sys. */
#ifndef OS_TEXT_H
#define OS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Up to size - 1 bytes of the file, with a NUL; false: none to be had. One read, since the kernel
 * makes such a text as a whole. */
bool os_text_read(const char *name, char *text, size_t size);

#endif
