/* Making an area, and using it. */
#include "share/area.h"
#include "base/report.h"
#include "share/inside.h"
#include "wait/robust.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { VERSION = 1 };

static int request_check(const struct share_request *request)
{
    size_t limit = request->limit ? request->limit : request->size;
    bool is_where = request->where == PLAIT_PRIVATE || request->where == PLAIT_SHARED;
    if (!is_where || request->size == 0 || limit < request->size || limit > (size_t)1 << 46 ||
        strlen(request->kind) >= SHARE_KIND)
        return -EINVAL;
    return 0;
}

/* ---- private memory, of the same shape for its user */

static int private_make(struct share_area *area, const struct share_request *request)
{
    area->memory = os_map(area->limit);
    area->size = share_pages(request->size);
    area->mapped = area->limit;
    area->is_new = true;
    if (!area->memory)
        return -ENOMEM;
    int rc = request->prepare ? request->prepare(area->memory, area->size, request->arg) : 0;
    if (rc != 0)
        os_unmap(area->memory, area->mapped);
    return rc;
}

/* ---- shared memory */

static void header_fill(struct share_area *area, const struct share_request *request)
{
    struct share_header *header = area->header;
    struct os_robust list = {0};
    os_robust_find(&list);
    memcpy(header->kind, request->kind, strlen(request->kind));
    header->version = VERSION;
    header->link = (uint32_t)-list.offset;
    header->layout = request->layout;
    header->limit = area->limit;
    header->size = area->size;
    atom_store(&header->magic, SHARE_MAGIC, RELEASE);
}

/* Maps the whole limit: what lies behind the file's end is not touched before the file has grown. */
static int area_map(struct share_area *area, int file)
{
    struct os_file look;
    area->mapped = SHARE_HEADER + area->limit;
    char *start = os_map_file(file, area->mapped);
    int rc = start ? os_file_look(file, &look) : -ENOMEM;
    if (rc < 0)
        return rc;
    area->device = look.device;
    area->inode = look.inode;
    area->header = (struct share_header *)start;
    area->memory = start + SHARE_HEADER;
    return 0;
}

/* From here on share_contains knows the memory, and a fork hands it on. */
static void area_list(struct share_area *area)
{
    struct mapping *mapping = area->mapping;
    mapping->file = area->me.file;
    mapping->area = area;
    atom_store(&mapping->start, area->memory, RELAXED);
    atom_store(&mapping->size, area->size, RELAXED);
    base_spin_lock(&share_lock); /* not in the middle of a fork: it must end what it has begun */
    mapping_list(mapping);
    base_spin_unlock(&share_lock);
}

static void area_unlist(struct share_area *area)
{
    base_spin_lock(&share_lock);
    mapping_retake(area->mapping);
    base_spin_unlock(&share_lock);
}

static void area_drop(struct share_area *area)
{
    if (area->header)
        os_unmap(area->header, area->mapped);
    os_close(area->me.file);
}

static int anonymous_make(struct share_area *area, const struct share_request *request)
{
    area->size = share_pages(request->size);
    int file = os_memfd("plait-area", SHARE_HEADER + area->size);
    if (file < 0)
        return file;
    area->me.file = file;
    int rc = area_map(area, file);
    if (rc == 0) {
        header_fill(area, request);
        rc = roster_enter(area->header, file, false, &area->me);
    }
    if (rc < 0) {
        area_drop(area);
        return rc;
    }
    area->is_new = true;
    area_list(area);
    rc = request->prepare ? request->prepare(area->memory, area->size, request->arg) : 0;
    if (rc != 0) {
        area_unlist(area);
        area_drop(area);
    }
    return rc;
}

static int shared_make(struct share_area *area, const struct share_request *request)
{
    share_fork_prepare_once();
    area->mapping = mapping_take();
    if (!area->mapping)
        return -ENOMEM;
    int rc = request->url ? -ENOTSUP : anonymous_make(area, request);
    if (rc != 0)
        mapping_drop(area->mapping);
    return rc;
}

struct share_area *share_area_open(const struct share_request *request)
{
    int rc = request_check(request);
    struct share_area *area = rc == 0 ? os_alloc(sizeof *area) : NULL;
    if (!area) {
        errno = rc ? -rc : ENOMEM;
        return NULL;
    }
    *area = (struct share_area){
        .limit = share_pages(request->limit ? request->limit : request->size),
        .pid = (uint32_t)getpid(),
        .me.file = -1,
        .child.file = -1,
    };
    base_format(area->name, sizeof area->name, "%s", request->name ? request->name : "");
    bool is_private = request->where == PLAIT_PRIVATE && !request->url;
    rc = is_private ? private_make(area, request) : shared_make(area, request);
    if (rc == 0)
        return area;
    os_free(area);
    errno = -rc;
    return NULL;
}

void share_area_close(struct share_area *area)
{
    if (!area)
        return;
    if (robust_holds_within(area->memory, area->size))
        base_misuse(area, "area", __builtin_return_address(0),
                    "'%s' is closed with a lock inside held by the caller", area->name);
    if (!area->header) {
        os_unmap(area->memory, area->mapped);
        os_free(area);
        return;
    }
    area_unlist(area);
    roster_leave(area->header, &area->me, area->marks);
    os_unmap(area->header, area->mapped);
    if (share_area_check(area) == 0)
        os_close(area->me.file);
    mapping_drop(area->mapping);
    os_free(area);
}
