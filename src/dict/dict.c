/* The calls on one key. */
#include "base/report.h"
#include "dict/edit.h"
#include "dict/find.h"
#include "os/os.h"
#include "os/pairs.h"

#include <errno.h>

/* Values up to this size are read without the guard. */
enum { FAST = 256, TRIES = 16, PAUSES = 20 };

static ssize_t told(const plait_dict *dict, const struct dict_entry *entry, size_t room)
{
    if (unlikely(dict->element && entry->value_size != dict->element))
        return -PLAIT_EFORMAT;
    return unlikely(entry->value_size > room) ? -EMSGSIZE : (ssize_t)entry->value_size;
}

/* A found value's bytes, if they are still what was looked at. By way of registers or the stack,
 * because the user's buffer must be untouched when the call fails after all. */
static inline bool copy_pairs(const struct guard *guard, uint64_t looked, const uint64_t *from,
                              void *to, size_t size)
{
    struct os_pairs pairs = os_pairs_load(from, size);
    if (unlikely(!guard_is_same(guard, looked)))
        return false;
    os_pairs_store(to, pairs, size);
    return true;
}

static bool copy_words(const struct guard *guard, uint64_t looked, const uint64_t *from, void *to,
                       size_t size)
{
    uint64_t copy[FAST / 8];
    words_read(copy, from, size);
    if (unlikely(!guard_is_same(guard, looked)))
        return false;
    memcpy(to, copy, size);
    return true;
}

/* One look without the guard. -EAGAIN: what was read does not belong together, or must be read
 * with it; -ERANGE: it lies outside of what is known. */
static inline ssize_t read_once(plait_dict *dict, const struct dict_key *key, void *value,
                                size_t room)
{
    const struct dict_stripe *stripe = dict_stripe(dict, dict_stripe_of(key->hash));
    uint64_t looked = guard_look(&stripe->guard);
    struct dict_entry entry;
    bool same;
    if (unlikely(looked & 1))
        return -EAGAIN;
    entry.value = NULL; /* gcc does not see in every build that rc > 0 means that it is set */
    ssize_t rc = table_look(dict, stripe, key, &entry);
    if (likely(rc == 0))
        rc = told(dict, &entry, room);
    if (unlikely(rc == -ERANGE))
        return rc;
    if (unlikely(rc > FAST || rc == -PLAIT_EFORMAT))
        return -EAGAIN;
    if (OS_PAIRS && likely(rc >= OS_PAIRS_LEAST && rc <= OS_PAIRS_MOST))
        same = copy_pairs(&stripe->guard, looked, entry.value, value, (size_t)rc);
    else if (rc > 0)
        same = copy_words(&stripe->guard, looked, entry.value, value, (size_t)rc);
    else
        same = guard_is_same(&stripe->guard, looked);
    return likely(same) ? rc : -EAGAIN;
}

static __attribute__((noinline)) ssize_t read_guarded(plait_dict *dict, const struct dict_key *key,
                                                      void *value, size_t room, void *place)
{
    struct dict_change change;
    struct dict_entry entry;
    ssize_t rc = edit_begin(&change, dict, key, &entry, place);
    if (rc != 0 && rc != -ENOENT)
        return rc;
    if (rc == 0)
        rc = told(dict, &entry, room);
    if (rc > 0)
        words_read(value, entry.value, (size_t)rc);
    int end = change_end(&change, 0);
    return end == 0 ? rc : end;
}

/* Behind a first look in vain. */
static __attribute__((noinline)) ssize_t read_again(plait_dict *dict, const struct dict_key *key,
                                                    void *value, size_t room, ssize_t rc,
                                                    void *place)
{
    for (int tries = 1; tries < TRIES; tries++) {
        if (rc == -ERANGE)
            dict_look_again(dict, 0, 0);
        else
            for (int i = 0; i < PAUSES; i++)
                os_relax();
        rc = read_once(dict, key, value, room);
        if (rc != -EAGAIN && rc != -ERANGE)
            return rc;
    }
    return read_guarded(dict, key, value, room, place);
}

ssize_t plait_dict_get_bytes(plait_dict *dict, const void *key, size_t key_size, void *value,
                             size_t size)
{
    void *place = __builtin_return_address(0);
    struct dict_key wanted = edit_key(dict, key, key_size, place);
    dict_check_size(dict, value, size, place);
    ssize_t rc = read_once(dict, &wanted, value, size);
    if (unlikely(rc == -EAGAIN || rc == -ERANGE))
        rc = read_again(dict, &wanted, value, size, rc, place);
    return rc;
}

int plait_dict_set_bytes(plait_dict *dict, const void *key, size_t key_size, const void *value,
                         size_t size)
{
    void *place = __builtin_return_address(0);
    struct dict_key wanted = edit_key(dict, key, key_size, place);
    struct dict_change change;
    struct dict_entry entry;
    dict_check_size(dict, value, size, place);
    int rc = edit_begin(&change, dict, &wanted, &entry, place);
    if (rc != 0 && rc != -ENOENT)
        return rc;
    rc = edit_put(&change, &wanted, &entry, value, dict->element ? dict->element : size);
    return change_end(&change, rc);
}

int plait_dict_delete_bytes(plait_dict *dict, const void *key, size_t key_size)
{
    void *place = __builtin_return_address(0);
    struct dict_key wanted = edit_key(dict, key, key_size, place);
    struct dict_change change;
    struct dict_entry entry;
    int rc = edit_begin(&change, dict, &wanted, &entry, place);
    if (rc != 0 && rc != -ENOENT)
        return rc;
    if (rc == 0)
        rc = edit_remove(&change, &entry);
    return change_end(&change, rc);
}

/* Adds where the number lies. No journal, since one store is whole whoever is killed and whoever
 * reads. */
static int64_t add_in_place(uint64_t *value, size_t size, int64_t number)
{
    if (size == 8) {
        uint64_t sum = atom_load(value, RELAXED) + (uint64_t)number;
        atom_store(value, sum, RELEASE);
        return (int64_t)sum;
    }
    uint32_t *half = (uint32_t *)(void *)value;
    uint32_t sum = atom_load(half, RELAXED) + (uint32_t)number;
    atom_store(half, sum, RELEASE);
    return (int32_t)sum;
}

static int add(struct dict_change *change, const struct dict_key *key, struct dict_entry *entry,
               int rc, int64_t *number)
{
    size_t size = change->dict->element;
    int32_t half = (int32_t)*number;
    if (rc == -ENOENT) {
        if (size == 4)
            *number = half;
        return edit_put(change, key, entry, size == 8 ? (void *)number : (void *)&half, size);
    }
    if (entry->value_size != size)
        return -PLAIT_EFORMAT;
    *number = add_in_place(entry->value, size, *number);
    return 0;
}

int plait_dict_add_bytes(plait_dict *dict, const void *key, size_t key_size, int64_t number,
                         void *now, size_t size)
{
    void *place = __builtin_return_address(0);
    struct dict_key wanted = edit_key(dict, key, key_size, place);
    struct dict_change change;
    struct dict_entry entry;
    if (dict->element != 4 && dict->element != 8)
        base_misuse(dict, "dict", place, "an addition, but its elements have %zu bytes, not 4 or 8",
                    dict->element);
    if (now)
        dict_check_size(dict, now, size, place);
    int rc = edit_begin(&change, dict, &wanted, &entry, place);
    if (rc != 0 && rc != -ENOENT)
        return rc;
    rc = change_end(&change, add(&change, &wanted, &entry, rc, &number));
    if (rc == 0 && now) {
        int32_t half = (int32_t)number;
        memcpy(now, dict->element == 8 ? (void *)&number : (void *)&half, dict->element);
    }
    return rc;
}
