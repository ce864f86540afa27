/* What changes an entry: used by set, add, update and delete. */
#ifndef DICT_EDIT_H
#define DICT_EDIT_H

#include "dict/dict.h"

/* Finds the key with its stripe's guard taken. 0; -ENOENT; else nothing is held: -ENOLCK,
 * -PLAIT_EFORMAT. `place`: of the user's call. */
int edit_begin(struct dict_change *change, plait_dict *dict, const struct dict_key *key,
               struct dict_entry *entry, void *place);
/* Gives the key this value, steps 3 and 4. *entry must be what edit_begin has found. */
int edit_put(struct dict_change *change, const struct dict_key *key, struct dict_entry *entry,
             const void *value, size_t size);
int edit_remove(struct dict_change *change, struct dict_entry *entry);
void edit_no_key(const plait_dict *dict, void *place) __attribute__((noreturn));
static inline struct dict_key edit_key(const plait_dict *dict, const void *key, size_t size,
                                       void *place)
{
    dict_check(dict, place);
    if (unlikely(!key && size))
        edit_no_key(dict, place);
    /* 0: one that is too large must not be read, since it is in no dictionary */
    return (struct dict_key){key, size,
                             size > DICT_KEY_MOST ? 0 : dict_hash(key, size, dict->seed)};
}

#endif
