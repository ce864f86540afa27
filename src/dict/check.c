/* What no call on a dictionary goes on with, and what it trusts. */
#include "base/report.h"
#include "dict/dict.h"

void dict_check_slowly(const plait_dict *dict, void *place)
{
    if (dict && (uintptr_t)dict % 8 == 0 && dict->magic == DICT_PRIVATE + wait_forks)
        return;
    if (!dict)
        base_misuse(NULL, "dict", place, "NULL is no dict");
    if ((uintptr_t)dict % 8 == 0 && dict->magic - DICT_PRIVATE < wait_forks)
        base_misuse(dict, "dict", place,
                    "opened before a fork: a private dict is of the process that opened it");
    base_misuse(dict, "dict", place, "no dict, or freed before");
}

void dict_check_size_slowly(const plait_dict *dict, const void *value, size_t size, void *place)
{
    if (unlikely(!value && (size || dict->element)))
        base_misuse(dict, "dict", place, "NULL is no value");
    if (!dict->element && size == PLAIT_UNSIZED)
        base_misuse(dict, "dict", place, "a message, but nobody says how many bytes it has");
    if (unlikely(dict->element && size != dict->element && size != PLAIT_UNSIZED))
        base_misuse(dict, "dict", place, "a value of %zu bytes, but its elements have %zu", size,
                    dict->element);
}

/* Another process may have made the memory grow: the area asks the kernel, so that a lie in shared
 * memory does not lead us beyond the file. */
void *dict_look_again(plait_dict *dict, uint64_t offset, size_t size)
{
    size_t known = share_area_size(dict->area);
    atom_store(&dict->known, known, RELAXED);
    return offset <= known && size <= known - offset ? dict->memory + offset : NULL;
}

int dict_undo(plait_dict *dict, uint64_t *journal)
{
    struct share_log log = dict_log(dict, journal);
    log.size = share_area_size(dict->area); /* since the dead one may have known of more */
    int undone = share_journal_undo(&log);
    return undone < 0 ? undone : 0;
}
