/* plait_dict_update: the user's function changes a copy, under the guard, since what it has seen
 * must still be there when the copy takes its place. */
#include "dict/edit.h"
#include "os/os.h"

#include <errno.h>

enum { SMALL = 512 };

/* One update under way. When the function is left by an exception or pthread_exit, `open` is still
 * set: then nothing has happened, and the guard must be given back. */
struct update {
    struct dict_change change;
    bool open;
    void *allocated;
};

static void update_left(struct update *update)
{
    if (update->open)
        change_end(&update->change, -ECANCELED);
    os_free(update->allocated);
}

static int update_end(struct update *update, int rc)
{
    update->open = false;
    return change_end(&update->change, rc);
}

/* Found or new: the function sees what is there, or zeroes; a code of its own goes to the caller.
 * */
static int run(struct update *update, const struct dict_key *key, struct dict_entry *entry,
               void *copy, int (*function)(void *value, bool is_new, void *arg), void *arg)
{
    size_t element = update->change.dict->element;
    bool is_new = !entry->block;
    if (!is_new && entry->value_size != element)
        return update_end(update, -PLAIT_EFORMAT);
    if (!is_new)
        words_read(copy, entry->value, element);
    int said = function(copy, is_new, arg);
    int rc = update_end(update,
                        said ? -ECANCELED : edit_put(&update->change, key, entry, copy, element));
    return said && rc == -ECANCELED ? said : rc;
}

int plait_dict_update_bytes(plait_dict *dict, const void *key, size_t key_size,
                            int (*function)(void *value, bool is_new, void *arg), void *arg)
{
    void *place = __builtin_return_address(0);
    struct dict_key wanted = edit_key(dict, key, key_size, place);
    struct update update __attribute__((cleanup(update_left))) = {.open = false};
    uint64_t small[SMALL / 8] = {0};
    struct dict_entry entry;
    void *copy = small;
    if (!function || !dict->element)
        return -EINVAL;
    if (dict->element > SMALL)
        copy = update.allocated = os_alloc(dict->element);
    if (!copy)
        return -ENOMEM;
    int rc = edit_begin(&update.change, dict, &wanted, &entry, place);
    if (rc != 0 && rc != -ENOENT)
        return rc;
    update.open = true;
    return run(&update, &wanted, &entry, copy, function, arg);
}
