/* plait_share: memory that this process and its later children see as one.
 *
 * A mapping is a memfd of its own, mapped MAP_SHARED: fork hands it on at the same address, and
 * nothing is left over whoever is killed. The descriptor stays open, close-on-exec, because without
 * it the memory could not be handed to a child that is executed anew. */
#include "share/share.h"
#include "base/report.h"
#include "os/os.h"
#include "share/mapping.h"
#include "wait/robust.h"

#include <errno.h>

bool share_contains(const void *object, size_t size)
{
    struct mapping *m = mapping_of(object);
    return m && size <= (size_t)(m->start + m->size - (const char *)object);
}

/* 0 or -errno, and then the descriptor is still the caller's. */
static int share_fill(struct mapping *m, int file, size_t size)
{
    void *start = os_map_file(file, size + SHARE_BESIDE); /* the file ends before: beside.h */
    if (!start)
        return -ENOMEM;
    m->file = file;
    m->area = NULL;
    m->beside = 0;
    atom_store(&m->start, start, RELAXED);
    atom_store(&m->size, size, RELAXED);
    mapping_list(m);
    return 0;
}

void *share_map(int file, size_t size, int *rc)
{
    struct mapping *m = mapping_take();
    *rc = m ? share_fill(m, file, size) : -ENOMEM;
    if (*rc == 0)
        return m->start;
    if (m)
        mapping_drop(m);
    return NULL;
}

void *plait_share(size_t size)
{
    if (size == 0 || size > PTRDIFF_MAX - OS_PAGE - SHARE_BESIDE) {
        errno = EINVAL;
        return NULL;
    }
    size = (size + OS_PAGE - 1) & ~(size_t)(OS_PAGE - 1);
    int rc = os_memfd("plait-share", size), file = rc;
    void *memory = file < 0 ? NULL : share_map(file, size, &rc);
    if (memory)
        return memory;
    os_close(file);
    errno = -rc;
    return NULL;
}

void plait_share_free(void *memory)
{
    if (!memory)
        return;
    struct mapping *m = mapping_of(memory);
    if (!m || m->start != memory || m->area || !mapping_retake(m))
        base_misuse(memory, "memory", __builtin_return_address(0),
                    "plait_share_free: not what plait_share returned, or given back before");
    if (robust_holds_within(m->start,
                            m->size + SHARE_BESIDE)) /* the kernel would look for it at our death */
        base_misuse(memory, "memory", __builtin_return_address(0),
                    "plait_share_free: a lock inside is held by the caller");
    os_unmap(m->start, m->size + SHARE_BESIDE);
    os_close(m->file);
    mapping_drop(m);
}
