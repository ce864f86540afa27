#include "share/mapping.h"
#include "os/os.h"

enum { FREE, TAKEN, LISTED };

static struct mapping *mappings;

struct mapping *mapping_take(void)
{
    for (struct mapping *m = atom_load(&mappings, ACQUIRE); m; m = m->next) {
        uint32_t free_state = FREE;
        if (atom_cas(&m->state, &free_state, TAKEN,
                     ACQUIRE)) /* pairs with the release of mapping_drop */
            return m;
    }
    struct mapping *m = os_alloc(sizeof *m);
    if (!m)
        return NULL;
    m->state = TAKEN;
    m->next = atom_load(&mappings, RELAXED);
    while (!atom_cas(&mappings, &m->next, m, ACQ_REL)) /* pairs with the loads of the list's head */
        ;
    return m;
}

void mapping_list(struct mapping *mapping)
{
    atom_store(&mapping->state, LISTED, RELEASE); /* pairs with the acquire of mapping_next */
}

bool mapping_retake(struct mapping *mapping)
{
    uint32_t listed = LISTED;
    return atom_cas(&mapping->state, &listed, TAKEN, ACQ_REL);
}

void mapping_drop(struct mapping *mapping)
{
    atom_store(&mapping->state, FREE, RELEASE);
}

struct mapping *mapping_next(const struct mapping *after)
{
    struct mapping *m = after ? after->next : atom_load(&mappings, ACQUIRE);
    while (m && atom_load(&m->state, ACQUIRE) != LISTED)
        m = m->next;
    return m;
}

struct mapping *mapping_of(const void *address)
{
    for (struct mapping *m = mapping_next(NULL); m; m = mapping_next(m)) {
        char *start = atom_load(&m->start, RELAXED);
        if ((const char *)address >= start &&
            (const char *)address < start + atom_load(&m->size, RELAXED))
            return m;
    }
    return NULL;
}
