/* Opening and closing areas. */
#include "share/area.h"
#include "base/report.h"
#include "share/handle.h"
#include "share/inside.h"
#include "share/name.h"
#include "wait/robust.h"

#include <errno.h>
#include <plait/error.h>
#include <string.h>
#include <unistd.h>

static int request_check(const struct share_request *request)
{
    size_t limit = request->limit ? request->limit : request->size;
    bool is_where = request->where == PLAIT_PRIVATE || request->where == PLAIT_SHARED;
    if (!is_where || request->size == 0 || limit < request->size || limit > (size_t)1 << 46 ||
        strlen(request->kind) >= SHARE_KIND)
        return -EINVAL;
    return 0;
}

/* Private memory, of the same shape, so that its user need not know. */
static int private_make(struct share_area *area, const struct share_request *request)
{
    area->limit = share_pages(request->limit ? request->limit : request->size);
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

/* The name must be locked, lest another process makes it, too. */
static int named_create(struct share_area *area, const struct share_request *request,
                        struct area_name *name)
{
    int rc = area_create(area, request, name->name);
    if (rc == 0 && (rc = name_fill(name, area)) < 0)
        area_undo(area);
    if (rc != 0)
        name_remove(name);
    return rc;
}

static int named_attach(struct share_area *area, const struct share_request *request,
                        struct area_name *name, int file)
{
    int rc = name->must_create ? -EEXIST : area_attach(area, request, file);
    if (rc < 0) {
        os_close(file);
        return rc;
    }
    rc = name_add(name, area);
    if (rc < 0)
        area_undo(area);
    return rc;
}

static int named_make(struct share_area *area, const struct share_request *request)
{
    struct area_name name;
    int rc = name_parse(&name, request->url);
    if (rc == 0) {
        names_sweep();
        rc = name_lock(&name);
    }
    if (rc < 0)
        return rc;
    memcpy(area->url_name, name.name, strlen(name.name));
    int file = name_find(&name);
    if (file >= 0)
        rc = named_attach(area, request, &name, file);
    else if (file == -ENOENT && !name.must_exist)
        rc = named_create(area, request, &name);
    else
        rc = file;
    if (rc == -ENOENT && name.must_exist)
        name_remove(&name);
    name_unlock(&name);
    return rc;
}

static int shared_make(struct share_area *area, const struct share_request *request)
{
    share_fork_prepare_once();
    area->mapping = mapping_take();
    if (!area->mapping)
        return -ENOMEM;
    memcpy(area->kind, request->kind, strlen(request->kind));
    int rc = request->url ? named_make(area, request) : area_create(area, request, NULL);
    if (rc != 0)
        mapping_drop(area->mapping);
    return rc;
}

static struct share_area *area_new(const char *name)
{
    struct share_area *area = os_alloc(sizeof *area);
    if (!area)
        return NULL;
    area->pid = (uint32_t)getpid();
    area->me.file = area->child.file = -1;
    base_format(area->name, sizeof area->name, "%s", name ? name : "");
    return area;
}

static struct share_area *area_or_error(struct share_area *area, int rc)
{
    if (rc == 0)
        return area;
    os_free(area);
    errno = rc < 0 ? -rc : rc;
    return NULL;
}

struct share_area *share_area_open(const struct share_request *request)
{
    int rc = request_check(request);
    struct share_area *area = rc == 0 ? area_new(request->name) : NULL;
    if (!area)
        return area_or_error(NULL, rc ? rc : -ENOMEM);
    bool is_private = request->where == PLAIT_PRIVATE && !request->url;
    return area_or_error(area,
                         is_private ? private_make(area, request) : shared_make(area, request));
}

/* The child's entry was made by its parent. */
static int adopted_make(struct share_area *area, const struct share_handle *handle)
{
    struct share_request request = {.kind = area->kind};
    share_fork_prepare_once();
    area->mapping = mapping_take();
    if (!area->mapping)
        return -ENOMEM;
    area->me = user_of_id(handle->user, (int)handle->file);
    int rc =
        area->me.index < SHARE_USERS ? area_attach(area, &request, area->me.file) : -PLAIT_EFORMAT;
    if (rc < 0) {
        mapping_drop(area->mapping);
        return rc;
    }
    roster_confirm(area->header, &area->me, area->pid);
    memcpy(area->url_name, area->header->name, SHARE_NAME - 1);
    if (area->url_name[0])
        name_add_held(area, -1);
    return 0;
}

struct share_area *share_area_adopt(const struct share_handle *handle)
{
    struct share_area *area = area_new(handle->name);
    if (!area) {
        os_close((int)handle->file);
        return area_or_error(NULL, -ENOMEM);
    }
    memcpy(area->kind, handle->kind, SHARE_KIND - 1);
    int rc = adopted_make(area, handle);
    if (rc < 0)
        os_close((int)handle->file);
    return area_or_error(area, rc);
}

static void shared_close(struct share_area *area)
{
    area_unlist(area);
    if (area->url_name[0])
        name_leave(area, false);
    roster_leave(area->header, &area->me);
    os_unmap(area->header, area->mapped);
    if (share_area_check(area) == 0)
        os_close(area->me.file);
    mapping_drop(area->mapping);
}

void share_area_close(struct share_area *area)
{
    if (!area)
        return;
    if (robust_holds_within(area->memory, area->size))
        base_misuse(area, "area", __builtin_return_address(0),
                    "'%s' is closed with a lock inside held by the caller", area->name);
    if (area->header)
        shared_close(area);
    else
        os_unmap(area->memory, area->mapped);
    os_free(area);
}
