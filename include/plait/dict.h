/* plait/dict.h - a dictionary that several tasks change. Include <plait.h>.
 *
 * Keys are strings, or any bytes by the _bytes calls; values have one size, which comes from the
 * pointer's type, or any size. Each call is whole by itself: no lock around it, and an addition is
 * one step. Whoever is killed in the middle of a call, at whatever instruction, leaves the entry as
 * it was or as it was to become; the next one repairs what else was half done, and nobody is told.
 *
 * Example:
 *     int sell(plait_dict *stock)
 *     {
 *         long left, wanted = 12;
 *         int rc = plait_dict_set(stock, "pears", &wanted);
 *         if (rc == 0)
 *             rc = plait_dict_add(stock, "apples", -1, &left); // atomic, no lock around it
 *         return rc;
 *     }
 *
 * Private ones are of one process: the first use in a forked child aborts. With PLAIT_SHARED this
 * process and its later children see one dictionary; with .url "shm:NAME" any process of the same
 * user does, for as long as one of them lives. Threads, coroutines and plain pthreads of all of
 * them use it at once. Keys are spread over 64 parts, each with a lock, so that writers seldom
 * meet; a get takes none (it reads between two looks at a sequence: Lameter, 2005), but for values
 * above 256 bytes. No call waits for anything but a lock of this kind, which is held for a moment,
 * or for a stopped holder: so there are no deadlines, and no cancel.
 *
 * The memory grows with what is inside and is used again for entries of about the same size; it
 * goes back to the system with the dictionary. Since 0.1. */
#ifndef PLAIT_DICT_H
#define PLAIT_DICT_H
#include <plait/macros.h>
#include <string.h> /* because keys are measured by strlen */
#ifdef __cplusplus
extern "C" {
#endif

typedef struct plait_dict plait_dict;
/* Zeroes are the defaults; so is NULL for all of it. */
typedef struct plait_dict_options {
    const char *name;  /* for messages; copied */
    plait_where where; /* PLAIT_PRIVATE */
    const char *url;   /* "shm:NAME": for unrelated processes, made if new; share.h */
    size_t limit;      /* bytes in all, 64 KB at least; 1 GB, taken as it is needed */
    PLAIT_OPTIONS(plait_dict_options)
} plait_dict_options;

/* Makes a dictionary, or attaches to the one of that name.
 *   element  bytes of a value; PLAIT_MESSAGES (0): of any size
 *   returns  the dictionary; plait_dict_free gives it back
 *   errors   NULL and errno: EINVAL (an element above 4 GB, an option that is none), ENOMEM,
 *            ENOSPC, EMFILE, ENFILE; with a name also EEXIST, ENOENT, EACCES, EUSERS, EXDEV,
 *            PLAIT_EFORMAT (something else of that name, another element, or damaged)
 *   blocks   never */
plait_dict *plait_dict_open(size_t element, const plait_dict_options *options);

/* Lets it go: this process' handle, and the memory with the last one. NULL is allowed. Nobody may
 * be inside a call on the same handle.
 *   errors   none
 *   misuse   a private one in a child that was forked after the open
 *   blocks   never */
void plait_dict_free(plait_dict *dict);

/* The calls of every day: the key is a string, the size comes from the pointer's type. */
#define plait_dict_set(dict, key, value)                                                           \
    plait_dict_set_bytes(dict, key, strlen(key), value, PLAIT_SIZE_OF(value))
#define plait_dict_get(dict, key, value)                                                           \
    plait_zero_(plait_dict_get_bytes(dict, key, strlen(key), value, PLAIT_SIZE_OF(value)))
#define plait_dict_add(dict, key, number, now)                                                     \
    plait_dict_add_bytes(dict, key, strlen(key), number, now, PLAIT_SIZE_OF(now))
#define plait_dict_delete(dict, key) plait_dict_delete_bytes(dict, key, strlen(key))
#define plait_dict_update(dict, key, function, arg)                                                \
    plait_dict_update_bytes(dict, key, strlen(key), function, arg)

/* Gives the key this value.
 *   key_size bytes of *key, below 16 MB
 *   size     bytes of *value: any for PLAIT_MESSAGES, else the element or PLAIT_UNSIZED
 *   returns  0
 *   errors   -ENOSPC (the limit is reached: nothing has changed), -EMSGSIZE (a larger key, or a
 *            value above 4 GB), -ENOLCK (this thread holds 1,900 shared locks), -PLAIT_EFORMAT
 *            (damaged)
 *   misuse   another size; a private one in a child that was forked after the open
 *   blocks   while another task changes the same part */
int plait_dict_set_bytes(plait_dict *dict, const void *key, size_t key_size, const void *value,
                         size_t size);

/* Copies the key's value out.
 *   size     bytes that fit into *value: for PLAIT_MESSAGES any, else the element or PLAIT_UNSIZED
 *   returns  the size of the value (plait_dict_get: 0)
 *   errors   -ENOENT (no such key), -EMSGSIZE (the value is larger), -ENOLCK, -PLAIT_EFORMAT
 *   misuse   as plait_dict_set_bytes
 *   blocks   while another task changes the same part for long */
ssize_t plait_dict_get_bytes(plait_dict *dict, const void *key, size_t key_size, void *value,
                             size_t size);

/* Changes a value by a function, in one step for all others. It gets a copy, zeroed for a new key,
 * and changes it in place. Killed inside, or left by an exception, it has changed nothing.
 *   function 0 publishes the copy; anything else, and nothing has happened. It must not wait, and
 *            not use this dictionary: others wait for it
 *   arg      for it
 *   returns  0, or what the function returned
 *   errors   as plait_dict_set_bytes; -ENOMEM (elements above 512 bytes are copied to memory of
 *            their own), -EINVAL (no function; PLAIT_MESSAGES, whose values have no size that it
 *            could know)
 *   misuse   the function uses what its own call holds
 *   blocks   while another task changes the same part */
int plait_dict_update_bytes(plait_dict *dict, const void *key, size_t key_size,
                            int (*function)(void *value, bool is_new, void *arg), void *arg);

/* Adds to an integer: elements of 4 or 8 bytes are. A new key counts from 0; the sum wraps.
 *   number   what is added; negative takes away
 *   now      gets the new value; NULL: not wanted
 *   returns  0
 *   errors   as plait_dict_set_bytes
 *   misuse   elements of another size; as plait_dict_set_bytes
 *   blocks   while another task changes the same part */
int plait_dict_add_bytes(plait_dict *dict, const void *key, size_t key_size, int64_t number,
                         void *now, size_t size);

/* Takes the key out.
 *   returns  0
 *   errors   -ENOENT (no such key), -ENOLCK, -PLAIT_EFORMAT
 *   misuse   as plait_dict_set_bytes
 *   blocks   while another task changes the same part */
int plait_dict_delete_bytes(plait_dict *dict, const void *key, size_t key_size);

/* Shows copies of all entries, each key once, in no order. The parts are copied one after the
 * other: what others change meanwhile is seen or not.
 *   visit    anything but 0 ends it. It may wait and use the dictionary; the copies are gone when
 *            it returns
 *   arg      for it
 *   returns  0, or what visit returned
 *   errors   -ENOMEM (for the copy of one part), -EINVAL (no function), -ENOLCK, -PLAIT_EFORMAT
 *   blocks   while another task changes the part to be copied */
int plait_dict_visit(plait_dict *dict,
                     int (*visit)(const void *key, size_t key_size, const void *value, size_t size,
                                  void *arg),
                     void *arg);

/* How many keys there are. A hint while others change it.
 *   returns  the count
 *   errors   none
 *   blocks   never */
size_t plait_dict_count(const plait_dict *dict);

#ifdef __cplusplus
}
#endif
#endif
