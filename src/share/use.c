/* Using an area's memory: its size, growth, addresses. */
#include "share/inside.h"

#include <errno.h>

void *share_area_memory(struct share_area *area)
{
    return area->memory;
}

bool share_area_is_new(const struct share_area *area)
{
    return area->is_new;
}

bool share_area_is_shared(const struct share_area *area)
{
    return area->header != NULL;
}

size_t share_area_wanted(const struct share_area *area)
{
    return area->wanted;
}

int share_area_check(struct share_area *area)
{
    struct os_file look;
    if (!area->header)
        return 0;
    int rc = os_file_look(area->me.file, &look);
    return rc < 0 || look.device != area->file.device || look.inode != area->file.inode ? -EBADF
                                                                                        : 0;
}

/* The size that the header claims, if the file has it. */
static size_t size_look(struct share_area *area, uint64_t claimed)
{
    struct os_file look;
    size_t known = atom_load(&area->size, ACQUIRE);
    if (claimed <= known || claimed > area->limit || share_area_check(area) != 0 ||
        os_file_look(area->me.file, &look) < 0 || look.size < SHARE_HEADER + claimed)
        return known;
    while (known < claimed && !atom_cas(&area->size, &known, (size_t)claimed, ACQ_REL))
        ;
    known = atom_load(&area->size, ACQUIRE);
    atom_store(&area->mapping->size, known, RELEASE);
    return known;
}

size_t share_area_size(struct share_area *area)
{
    size_t known = atom_load(&area->size, ACQUIRE);
    if (!area->header)
        return known;
    uint64_t claimed = atom_load(&area->header->is.size, ACQUIRE); /* pairs with share_area_grow */
    return likely(claimed == known) ? known : size_look(area, claimed);
}

static int private_grow(struct share_area *area, size_t size)
{
    size_t known = atom_load(&area->size, ACQUIRE);
    while (known < size && !atom_cas(&area->size, &known, size, ACQ_REL))
        ;
    return 0; /* os_map has reserved the limit */
}

int share_area_grow(struct share_area *area, size_t size)
{
    if (size <= share_area_size(area))
        return 0;
    if (size > area->limit)
        return -ENOSPC;
    size = share_pages(size);
    if (!area->header)
        return private_grow(area, size);
    int rc = share_area_check(area);
    if (rc == 0)
        rc =
            os_memfd_grow(area->me.file, SHARE_HEADER + share_area_size(area), SHARE_HEADER + size);
    if (rc < 0)
        return rc;
    uint64_t claimed = atom_load(&area->header->is.size, ACQUIRE);
    while (claimed < size && !atom_cas(&area->header->is.size, &claimed, size, ACQ_REL))
        ;
    share_area_size(area);
    return 0;
}

void *share_area_at(struct share_area *area, uint64_t offset, size_t size)
{
    size_t known = atom_load(&area->size, ACQUIRE);
    if (unlikely(offset > known || size > known - offset)) {
        known = share_area_size(area);
        if (offset > known || size > known - offset)
            return NULL;
    }
    return area->memory + offset;
}

struct share_area *share_area_of(const void *address)
{
    struct mapping *mapping = mapping_of(address);
    return mapping ? mapping->area : NULL;
}
