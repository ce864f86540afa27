/* The memory file of an area: made, or checked and mapped as another process made it.
 *
 * What a file claims is copied once, checked against the request and against the file, and only the
 * copy is used. */
#include "os/os.h"
#include "share/inside.h"

#include <errno.h>
#include <plait/error.h>
#include <string.h>

enum { VERSION = 1 };
#define LARGEST (UINT64_C(1) << 46)

static uint32_t libc_link(void)
{
    struct os_robust list = {0};
    os_robust_find(&list);
    return (uint32_t)-list.offset;
}

static void header_fill(struct share_area *area, const struct share_request *request,
                        const char *name)
{
    struct share_header *header = area->header;
    memcpy(header->is.kind, request->kind, strlen(request->kind));
    if (name)
        memcpy(header->name, name, strlen(name));
    header->is.version = VERSION;
    header->is.link = libc_link();
    header->is.layout = request->layout;
    header->is.limit = area->limit;
    header->is.wanted = request->size;
    header->is.size = area->size;
    header->is.beside_at = area->beside_at = request->beside_at;
    header->is.beside = area->beside = request->beside;
    atom_store(&header->is.magic, SHARE_MAGIC, RELEASE);
}

/* Maps the whole limit: what lies behind the file's end is not touched before the file has
 * grown. */
static int area_map(struct share_area *area, int file)
{
    area->mapped = SHARE_HEADER + area->limit;
    char *start = os_map_file(file, area->mapped);
    if (!start)
        return -ENOMEM;
    area->header = (struct share_header *)start;
    area->memory = start + SHARE_HEADER;
    return os_file_look(file, &area->file);
}

static bool is_open_already(const struct share_area *area)
{
    for (struct mapping *m = mapping_next(NULL); m; m = mapping_next(m))
        if (m->area && m->area->file.inode == area->file.inode &&
            m->area->file.device == area->file.device)
            return true;
    return false;
}

/* From here on share_contains knows the memory, and a fork hands it on: in one step with the lock
 * of our byte, because a child forked in between would keep that locked. */
static int area_list(struct share_area *area, int file)
{
    struct mapping *mapping = area->mapping;
    base_spin_lock(&share_lock);
    enum user_kind kind = is_open_already(area) ? USER_ME_AGAIN : USER_ME;
    int rc = area->me.id ? 0 : roster_enter(area->header, file, kind, &area->me);
    if (rc == 0) {
        mapping->file = file;
        mapping->area = area;
        atom_store(&mapping->start, area->memory, RELAXED);
        atom_store(&mapping->size, area->size, RELAXED);
        mapping_list(mapping);
    }
    base_spin_unlock(&share_lock);
    return rc;
}

void area_unlist(struct share_area *area)
{
    base_spin_lock(&share_lock); /* not in the middle of a fork: it must end what it has begun */
    mapping_retake(area->mapping);
    base_spin_unlock(&share_lock);
}

void area_undo(struct share_area *area)
{
    area_unlist(area);
    roster_leave(area->header, &area->me);
    os_close(area->me.file);
    os_unmap(area->header, area->mapped);
}

static int create_in(struct share_area *area, const struct share_request *request, const char *name,
                     int file)
{
    int rc = area_map(area, file);
    if (rc == 0) {
        header_fill(area, request, name);
        rc = area_list(area, file);
    }
    if (rc < 0 && area->header)
        os_unmap(area->header, area->mapped);
    return rc;
}

int area_create(struct share_area *area, const struct share_request *request, const char *name)
{
    area->wanted = request->size;
    area->size = share_pages(request->size);
    area->limit = share_pages(request->limit ? request->limit : request->size);
    int file = os_memfd("plait-area", SHARE_HEADER + area->size);
    int rc = file < 0 ? file : create_in(area, request, name, file);
    if (rc < 0) {
        os_close(file);
        return rc;
    }
    area->is_new = true;
    rc = request->prepare ? request->prepare(area->memory, area->size, request->arg) : 0;
    if (rc != 0)
        area_undo(area);
    return rc;
}

static bool is_as_wanted(const struct share_claims *claims, const struct share_request *request)
{
    if (strncmp(claims->kind, request->kind, SHARE_KIND) != 0)
        return false;
    if (!request->size) /* adopted: it was checked by who opened it */
        return true;
    size_t limit = request->limit ? request->limit : request->size;
    return claims->layout == request->layout && claims->wanted == request->size &&
           claims->limit == share_pages(limit);
}

/* `claims`: the copy of what the file begins with. */
static int claims_check(const struct share_claims *claims, const struct share_request *request,
                        int file)
{
    struct os_file look;
    int rc = os_file_look(file, &look);
    if (rc < 0)
        return rc;
    bool is_ours = claims->magic == SHARE_MAGIC && claims->version == VERSION &&
                   claims->link == libc_link() && os_memfd_is_sealed(file);
    bool fits = claims->limit <= LARGEST && claims->size <= claims->limit && claims->size > 0 &&
                (claims->size | claims->limit) % OS_PAGE == 0 &&
                look.size >= SHARE_HEADER + claims->size && claims->wanted <= claims->size;
    fits = fits && claims->beside_at <= claims->size &&
           claims->beside <= claims->size - claims->beside_at &&
           (claims->beside_at | claims->beside) % OS_PAGE == 0;
    return is_ours && fits && is_as_wanted(claims, request) ? 0 : -PLAIT_EFORMAT;
}

int area_attach(struct share_area *area, const struct share_request *request, int file)
{
    struct share_claims claims;
    long read = os_read_at(file, &claims, sizeof claims, 0);
    int rc = read < 0 ? (int)read : read < (long)sizeof claims ? -PLAIT_EFORMAT : 0;
    if (rc == 0)
        rc = claims_check(&claims, request, file);
    if (rc < 0)
        return rc;
    area->size = claims.size;
    area->limit = claims.limit;
    area->wanted = claims.wanted;
    area->beside_at = claims.beside_at;
    area->beside = claims.beside;
    rc = area_map(area, file);
    if (rc == 0)
        rc = area_list(area, file);
    if (rc < 0 && area->header)
        os_unmap(area->header, area->mapped);
    return rc;
}
