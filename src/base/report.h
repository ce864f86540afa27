/* The one function through which everything goes that plait says to its user: misuse, deadlocks, stuck workers, lost results. */
#ifndef BASE_REPORT_H
#define BASE_REPORT_H

#include <plait/watch.h>

/* One line, no newline at the end. To the function of plait_on_report, else "plait: TEXT\n" to stderr in one write. Takes no lock of
 * libc and does not allocate: the watcher reports too. Understands what base_format understands. */
void base_report(plait_report kind, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Misuse: reports "TYPE NAME: TEXT (at PLACE)" and aborts. `object` is named by base_name_of; place is the caller's return address. */
_Noreturn void base_misuse(const void *object, const char *type, void *place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Where a return address lies, for messages: "function+0x12 (program)" by dladdr; into `text`, returned. */
const char *base_place(void *address, char *text, size_t size);

/* The object's name for messages: plait_name's, else its symbol, else "type@address". Into `text`, returned. */
const char *base_name_of(const void *object, const char *type, char *text, size_t size);
void base_name_forget(const void *object); /* when it is freed */
int base_name_set(const void *object, const char *name); /* copied; -ENOMEM */

/* snprintf without locale, floating point and allocation: %s %d %u %x %p %c %% with l, ll, z and a width; what signal handlers and the watcher may call. Always ends with NUL; the length it wanted. */
int base_format(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The recorder's hook: NULL while off, set by watch/trace.c. `what` is a constant text. */
extern void (*base_trace)(const char *what, const void *object, int64_t number);
#define BASE_TRACE(what, object, number)                                                           \
    do {                                                                                           \
        if (__builtin_expect(base_trace != NULL, 0))                                               \
            base_trace(what, object, number);                                                      \
    } while (0)

#endif
