/* plait_dict_visit: a stripe's entries are copied under its guard, then shown without it, so that
 * the user's function may do as it likes, use the dictionary too. A key never changes its stripe,
 * so each is shown once. */
#include "base/report.h"
#include "dict/dict.h"
#include "os/os.h"

#include <errno.h>

enum { SPARE = 4096 };

/* The copies, one behind the other: sizes, key, value, each filled up to words. */
struct copies {
    char *memory;
    size_t room, used;
    void *place;
};

static int copy_entry(const struct dict_entry *entry, void *arg)
{
    struct copies *copies = arg;
    size_t key = words_round(entry->sizes & DICT_KEY_MOST), value = words_round(entry->value_size);
    if (copies->room - copies->used < 8 + key + value)
        return -EAGAIN;
    char *at = copies->memory + copies->used;
    memcpy(at, &entry->sizes, 8);
    words_read(at + 8, entry->block->words, key);
    words_read(at + 8 + key, entry->value, value);
    copies->used += 8 + key + value;
    return 0;
}

/* What a stripe needs; more than there is in all is a lie, for which no memory must be asked. */
static int needs(plait_dict *dict, const struct dict_stripe *stripe, size_t *room)
{
    uint64_t bytes = atom_load(&stripe->bytes, RELAXED), count = atom_load(&stripe->count, RELAXED);
    size_t most = share_area_size(dict->area);
    if (bytes > most || count > most / sizeof(struct dict_block))
        return -PLAIT_EFORMAT;
    *room = bytes + count * 8;
    return 0;
}

/* -EAGAIN: *room bytes are needed. */
static int copy_stripe(plait_dict *dict, unsigned number, struct copies *copies, size_t *room)
{
    struct dict_change change;
    copies->used = 0;
    int rc = change_begin(&change, dict, number, copies->place);
    if (rc == -EDEADLK)
        base_misuse(dict, "dict", copies->place, "visited by the function of its own update");
    if (rc != 0)
        return rc;
    rc = needs(dict, change.stripe, room);
    if (rc == 0 && *room > copies->room)
        rc = -EAGAIN;
    else if (rc == 0 && table_visit(dict, change.stripe, copy_entry, copies) != 0)
        rc = -PLAIT_EFORMAT;
    int end = change_end(&change, 0);
    return end == 0 ? rc : end;
}

/* Again, because memory is asked for without the guard, and others may have added more meanwhile.
 * */
static int copy_all(plait_dict *dict, unsigned number, struct copies *copies)
{
    size_t room = 0;
    int rc;
    while ((rc = copy_stripe(dict, number, copies, &room)) == -EAGAIN) {
        os_free(copies->memory);
        copies->room = room + room / 4 + SPARE;
        copies->memory = os_alloc(copies->room);
        if (!copies->memory)
            return -ENOMEM;
    }
    return rc;
}

static int show(const struct copies *copies,
                int (*visit)(const void *key, size_t key_size, const void *value, size_t size,
                             void *arg),
                void *arg)
{
    const char *at = copies->memory, *end = at + copies->used;
    int rc = 0;
    while (rc == 0 && at < end) {
        uint64_t sizes;
        memcpy(&sizes, at, 8);
        const char *key = at + 8, *value = key + words_round(sizes & DICT_KEY_MOST);
        rc = visit(key, sizes & DICT_KEY_MOST, value, sizes >> 32, arg);
        at = value + words_round(sizes >> 32);
    }
    return rc;
}

static void copies_free(struct copies *copies)
{
    os_free(copies->memory);
}

int plait_dict_visit(plait_dict *dict,
                     int (*visit)(const void *key, size_t key_size, const void *value, size_t size,
                                  void *arg),
                     void *arg)
{
    void *place = __builtin_return_address(0);
    struct copies copies __attribute__((cleanup(copies_free))) = {.place = place};
    int rc = visit ? 0 : -EINVAL;
    dict_check(dict, place);
    for (unsigned i = 0; i < DICT_STRIPES && rc == 0; i++) {
        rc = copy_all(dict, i, &copies);
        if (rc == 0)
            rc = show(&copies, visit, arg);
    }
    return rc;
}

size_t plait_dict_count(const plait_dict *dict)
{
    size_t count = 0;
    dict_check(dict, __builtin_return_address(0));
    for (unsigned i = 0; i < DICT_STRIPES; i++)
        count += atom_load(&dict_stripe(dict, i)->count, RELAXED);
    return count;
}
