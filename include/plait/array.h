/* plait/array.h - elements of one size that several tasks change. Include <plait.h>.
 *
 * Each get and set is whole: nobody ever sees half of an element, also when whoever wrote it was
 * killed at whatever instruction; then the element is as it was, or as it was to become. Indexes
 * are checked, sizes come from the pointers' types.
 *
 * Example:
 *     int swap(plait_array *seats, size_t a, size_t b)
 *     {
 *         long one, two;
 *         int rc = -ERANGE;
 *         plait_with (plait_array_lock(seats)) // several elements at once
 *             if (plait_array_get(seats, a, &one) == 0 && plait_array_get(seats, b, &two) == 0)
 *                 rc = plait_array_set(seats, a, &two) | plait_array_set(seats, b, &one);
 *         return rc;
 *     }
 *
 * Private ones are of one process: the first use in a forked child aborts. With PLAIT_SHARED this
 * process and its later children see one array; with .url "shm:NAME" any process of the same user
 * does, for as long as one of them lives. Threads, coroutines and plain pthreads of all of them use
 * it at once. Elements of 1, 2, 4 and 8 bytes take no lock at all, gets of others none as long as
 * they have no more than 256 bytes (the sequence is Lameter's, 2005). Since 0.1. */
#ifndef PLAIT_ARRAY_H
#define PLAIT_ARRAY_H
#include <plait/lock.h>
#include <plait/macros.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct plait_array plait_array;
/* Zeroes are the defaults; so is NULL for all of it. */
typedef struct plait_array_options {
    const char *name;  /* for messages; copied */
    plait_where where; /* PLAIT_PRIVATE */
    const char *url;   /* "shm:NAME": for unrelated processes, made if new; share.h */
    PLAIT_OPTIONS(plait_array_options)
} plait_array_options;

/* Makes an array of zeroes, or attaches to the one of that name.
 *   element  bytes of one
 *   count    how many
 *   returns  the array; plait_array_free gives it back
 *   errors   NULL and errno: EINVAL (0, a size too large, an option that is none), ENOMEM, ENOSPC,
 *            EMFILE, ENFILE; with a name also EEXIST, ENOENT, EACCES, EUSERS, EXDEV, PLAIT_EFORMAT
 *            (something else of that name, another element or count, or damaged)
 *   blocks   never */
plait_array *plait_array_open(size_t element, size_t count, const plait_array_options *options);

/* Lets it go: this process' handle, and the memory with the last one. NULL is allowed. Nobody may
 * be inside a call on the same handle, or use the memory it gave.
 *   errors   none
 *   misuse   a private one in a child that was forked after the open; this process holds its lock
 *   blocks   never */
void plait_array_free(plait_array *array);

/* The calls of every day: the size comes from the pointer's type. */
#define plait_array_set(array, index, in) plait_array_set_bytes(array, index, in, PLAIT_SIZE_OF(in))
#define plait_array_get(array, index, out)                                                         \
    plait_array_get_bytes(array, index, out, PLAIT_SIZE_OF(out))

/* Copies an element out.
 *   index    0 to the count - 1
 *   size     the element's, or PLAIT_UNSIZED
 *   returns  0
 *   errors   -ERANGE (no such index: *out is untouched), -ENOLCK (this thread holds 1,900 shared
 *            locks), -PLAIT_EFORMAT (damaged)
 *   misuse   another size; a private one in a child that was forked after the open
 *   blocks   while another task writes a large element for long */
int plait_array_get_bytes(plait_array *array, size_t index, void *out, size_t size);

/* Copies an element in. It does not wait for who holds plait_array_lock.
 *   returns  0
 *   errors   as plait_array_get_bytes
 *   misuse   as plait_array_get_bytes
 *   blocks   while another task writes a neighbour of more than 8 bytes */
int plait_array_set_bytes(plait_array *array, size_t index, const void *in, size_t size);

/* How many elements there are.
 *   returns  the count
 *   errors   none
 *   blocks   never */
size_t plait_array_count(const plait_array *array);

/* The elements themselves, for loops: one behind the other, aligned to 64. What is written here is
 * written as into any memory: half of it may be there when the writer is killed.
 *   returns  the first element; good until plait_array_free
 *   errors   none
 *   blocks   never */
void *plait_array_memory(plait_array *array);

/* The lock inside, for several elements at once: those who agree to take it are one at a time. Get
 * and set may be called with it held. A death under it is told to its next holder (lock.h), never
 * by get and set.
 *   returns  the lock; good until plait_array_free
 *   errors   none
 *   blocks   never */
plait_lock *plait_array_lock(plait_array *array);

#ifdef __cplusplus
}
#endif
#endif
