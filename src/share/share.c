/* plait_share: memory that this process and its later children see as one.
 *
 * A mapping is a memfd of its own, mapped MAP_SHARED and closed at once: the mapping keeps it alive, fork hands it on at
 * the same address, and nothing is left over whoever is killed.
 *
 * The registry of mappings has no lock, because a child forked while another thread held it could never take it again. Records are
 * never freed, only used again. Their state, one word:
 *   0 FREE    anybody may take it by compare-and-swap
 *   1 TAKEN   being filled in or emptied by one thread
 *   2 LISTED  start and size are valid, published by the release store of this state
 * Who reads a record while it changes hands may see a start and a size that do not belong together. That can only answer a question
 * about memory that is being mapped or unmapped at the same moment, which is the asker's race, not ours. */
#include "share/share.h"
#include "base/atomic.h"
#include "base/report.h"
#include "os/os.h"
#include "wait/robust.h"

#include <errno.h>

enum { FREE, TAKEN, LISTED };

struct mapping {
    uint32_t state;
    char *start;
    size_t size;
    struct mapping *next; /* set once, before the record is in the list */
};
static struct mapping *mappings;

static struct mapping *mapping_take(void)
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

static void mapping_drop(struct mapping *m)
{
    atom_store(&m->state, FREE, RELEASE);
}

/* The record whose mapping holds this address. */
static struct mapping *mapping_of(const char *address)
{
    for (struct mapping *m = atom_load(&mappings, ACQUIRE); m; m = m->next)
        if (atom_load(&m->state, ACQUIRE) == LISTED) {
            char *start = atom_load(&m->start, RELAXED);
            if (address >= start && address < start + atom_load(&m->size, RELAXED))
                return m;
        }
    return NULL;
}

bool share_contains(const void *object, size_t size)
{
    struct mapping *m = mapping_of(object);
    return m && size <= (size_t)(m->start + m->size - (const char *)object);
}

/* 0 or -errno; on failure nothing is left. */
static int mapping_fill(struct mapping *m, size_t size)
{
    int file = os_memfd("plait-share", size);
    if (file < 0)
        return file;
    void *start = os_map_file(file, size);
    os_close(file);
    if (!start)
        return -ENOMEM;
    atom_store(&m->start, start, RELAXED);
    atom_store(&m->size, size, RELAXED);
    atom_store(&m->state, LISTED, RELEASE); /* pairs with the acquire of mapping_of */
    return 0;
}

void *plait_share(size_t size)
{
    if (size == 0 || size > PTRDIFF_MAX - OS_PAGE) {
        errno = EINVAL;
        return NULL;
    }
    size = (size + OS_PAGE - 1) & ~(size_t)(OS_PAGE - 1);
    struct mapping *m = mapping_take();
    int rc = m ? mapping_fill(m, size) : -ENOMEM;
    if (rc == 0)
        return m->start;
    if (m)
        mapping_drop(m);
    errno = -rc;
    return NULL;
}

void plait_share_free(void *memory)
{
    if (!memory)
        return;
    struct mapping *m = mapping_of(memory);
    uint32_t listed = LISTED;
    if (!m || m->start != memory || !atom_cas(&m->state, &listed, TAKEN, ACQ_REL))
        base_misuse(memory, "memory", __builtin_return_address(0),
                    "plait_share_free: not what plait_share returned, or given back before");
    if (robust_holds_within(m->start, m->size)) /* the kernel would look for it at our death */
        base_misuse(memory, "memory", __builtin_return_address(0),
                    "plait_share_free: a lock inside is held by the caller");
    os_unmap(m->start, m->size);
    mapping_drop(m);
}
