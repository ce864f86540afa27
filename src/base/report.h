/* The one function through which everything goes that plait says to its user: misuse, deadlocks,
 * stuck workers, lost results. */
#ifndef BASE_REPORT_H
#define BASE_REPORT_H

#include <plait/watch.h>
#include <stdarg.h>

/* One line, no newline at the end. To the function of plait_on_report, else "plait: TEXT\n" to
 * stderr in one write. Takes no lock of libc and does not allocate: the watcher reports too.
 * Understands what base_format understands. */
void base_report(plait_report kind, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same for a text of any length that begins with BASE_PREFIX; text[length] is there for a
 * newline. */
#define BASE_PREFIX "plait: "
void base_report_text(plait_report kind, char *text, size_t length);

/* "plait: TEXT" to stderr, whatever plait_on_report says: for what is found while locks of plait
 * are held (settings). */
void base_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Misuse: reports "TYPE NAME: TEXT (at PLACE)" and aborts. `object` is named by base_name_of; place
 * is the caller's return address, NULL when there is none to tell. */
_Noreturn void base_misuse(const void *object, const char *type, void *place, const char *format,
                           ...) __attribute__((format(printf, 4, 5)));

/* pthread_atfork (NULL: none), or the program's end where it has no memory: a child would find locks
 * held by who is not there, and nobody could tell it. */
void base_at_fork(void (*before)(void), void (*parent)(void), void (*child)(void));

/* Where a return address lies, for messages: "function+0x12 (program)" by dladdr, else
 * "0x55d0c3b2a1f4 (program+0x11f4)", whose last number addr2line takes, else the bare number; into
 * `text`, returned. */
const char *base_place(void *address, char *text, size_t size);

/* The object's name for messages: plait_name's, else its symbol, else "type@address". Into `text`,
 * returned. */
const char *base_name_of(const void *object, const char *type, char *text, size_t size);
/* With its type before it: "lock accounts", but not "lock lock@0x1234". Into `text`, returned. */
const char *base_object(const void *object, const char *type, char *text, size_t size);
void base_name_forget(const void *object); /* when it is freed */
/* "table+0x40"; false: no symbol known */
bool base_symbol(const void *object, char *text, size_t size);
/* Copied, at most 63 bytes; NULL forgets; -ENOMEM */
int base_name_set(const void *object, const char *name);
void base_name_fork_prepare(void); /* also covers plait_on_report; libc's fork does it by itself */
void base_name_fork_done(void);    /* parent and child */

/* snprintf without locale, floating point and allocation: %s %d %u %x %p %c %% with l, ll, z, a
 * width, '-', '0' and a precision for %s; what signal handlers and the watcher may call. Always
 * ends with NUL; the length it wanted. */
int base_format(char *text, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int base_vformat(char *text, size_t size, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/* The recorder's hook: NULL while off, set by watch/trace.c. `what` is a constant text. */
extern void (*base_trace)(const char *what, const void *object, int64_t number);
/* Read once, because plait_trace_stop may take it away between a look and the call. Not by
 * atom_load, because it is no point where the explorer needs to choose. */
#define BASE_TRACE(what, object, number)                                                           \
    do {                                                                                           \
        void (*trace_)(const char *, const void *, int64_t) =                                      \
            __atomic_load_n(&base_trace, __ATOMIC_ACQUIRE);                                        \
        if (__builtin_expect(trace_ != NULL, 0))                                                   \
            trace_(what, object, number);                                                          \
    } while (0)

#endif
