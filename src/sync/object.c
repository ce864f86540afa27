/* Is it an object at all? Misuse that would otherwise become a hang or somebody else's memory ends
 * here with a message. */
#include "sync/object.h"
#include "base/report.h"
#include "share/share.h"

bool sync_check(const void *object, const char *type, void *place)
{
    if (!object)
        base_misuse(NULL, type, place, "NULL is no %s", type);
    if ((uintptr_t)object & 7)
        base_misuse(object, type, place, "not aligned to 8 bytes");
    uint64_t head = atom_load((const uint64_t *)object, RELAXED);
    if (head == SYNC_SHARED_HEAD)
        return true;
    if (head != SYNC_PRIVATE_HEAD)
        base_misuse(
            object, type, place,
            "never initialised, or overwritten: it begins with %lx; zero it or call plait_%s_init",
            (unsigned long)head, type);
    return false;
}

void sync_init(void *object, const char *type, plait_where where, void *place)
{
    if (!object || (uintptr_t)object & 7)
        base_misuse(object, type, place, object ? "not aligned to 8 bytes" : "NULL is none");
    if (where != PLAIT_PRIVATE && where != PLAIT_SHARED)
        base_misuse(object, type, place, "neither PLAIT_PRIVATE nor PLAIT_SHARED: %d", (int)where);
    if (where == PLAIT_SHARED && !share_contains(object, sizeof(struct robust_word)))
        base_misuse(object, type, place,
                    "PLAIT_SHARED outside of memory from plait_share: children would not see it");
    memset(object, 0, 64);
    if (where == PLAIT_SHARED) {
        struct robust_word *shared = object;
        shared->behind = 1;
        atom_store(&shared->before, SYNC_SHARED, RELEASE);
    }
}
