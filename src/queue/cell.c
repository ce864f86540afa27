#include "queue/cell.h"
#include "os/os.h"

struct slab *cells_slab(const struct cells *cells, size_t count)
{
    size_t bytes;
    if (__builtin_mul_overflow(cells->stride, count, &bytes) ||
        __builtin_add_overflow(bytes, sizeof(struct slab), &bytes) || bytes > PTRDIFF_MAX)
        return NULL;
    return os_alloc(bytes);
}

void cells_add(struct cells *cells, struct slab *slab, size_t count)
{
    /* what was left of the one before, so that two that grew at once lose nothing */
    for (; cells->fresh != cells->end; cells->fresh += cells->stride)
        cells_give(cells, (struct cell *)cells->fresh);
    slab->next = cells->slabs;
    cells->slabs = slab;
    cells->fresh = slab->cells;
    cells->end = cells->fresh + count * cells->stride;
}

void cells_free_all(struct cells *cells)
{
    for (struct slab *slab = cells->slabs, *next; slab; slab = next) {
        next = slab->next;
        os_free(slab);
    }
}

struct cell *cell_alloc(size_t size)
{
    size_t bytes;
    if (__builtin_add_overflow(size, sizeof(struct cell), &bytes) || bytes > PTRDIFF_MAX)
        return NULL;
    struct cell *cell = os_alloc(bytes);
    if (cell)
        cell->size = size;
    return cell;
}
