#include "share/handle.h"
#include "share/inside.h"
#include "share/share.h"

#include <errno.h>
#include <fcntl.h>
#include <plait/error.h>
#include <string.h>
#include <unistd.h>

#define MEMORY "memory"
static struct share_kind *kinds;

void share_kind_register(struct share_kind *kind)
{
    kind->next = kinds; /* without a lock, since constructors come before a second thread */
    kinds = kind;
}

void share_area_own(struct share_area *area, void *object, uint32_t part)
{
    area->objects[part] = object;
}

static struct mapping *owned(const void *object, uint32_t *part)
{
    for (struct mapping *m = mapping_next(NULL); m; m = mapping_next(m))
        for (*part = 0; m->area && *part < SHARE_PARTS_MOST; ++*part)
            if (m->area->objects[*part] == object)
                return m;
    return NULL;
}

static int handle_of_area(struct share_area *area, struct share_handle *handle)
{
    struct share_user user;
    int rc = share_area_check(area);
    int file = rc < 0 ? rc : os_file_again(area->me.file);
    if (file < 0)
        return file;
    base_spin_lock(&share_lock);
    rc = roster_enter(area->header, file, USER_CHILD, &user);
    base_spin_unlock(&share_lock);
    if (rc < 0) {
        os_close(file);
        return rc;
    }
    memcpy(handle->kind, area->kind, sizeof handle->kind);
    memcpy(handle->name, area->name, sizeof handle->name);
    handle->size = area->limit;
    handle->user = user.id;
    handle->file = (uint32_t)file;
    return 0;
}

int share_handle_of(const void *object, struct share_handle *handle)
{
    *handle = (struct share_handle){0};
    struct mapping *m = object ? owned(object, &handle->part) : NULL;
    if (m)
        return handle_of_area(m->area, handle);
    handle->part = 0;
    m = mapping_of(object);
    if (!m || m->area)
        return -EINVAL;
    int file = os_dup(m->file);
    if (file < 0)
        return file;
    memcpy(handle->kind, MEMORY, sizeof MEMORY);
    handle->size = m->size;
    handle->offset = (uint64_t)((const char *)object - m->start);
    handle->file = (uint32_t)file;
    return 0;
}

/* The area may have been closed since: then its memory is mapped no more, and the entry is buried
 * by whoever finds it, as one that nobody confirmed. */
void share_handle_sent(struct share_handle *handle, pid_t pid)
{
    struct os_file look;
    bool is_area = handle->user && os_file_look((int)handle->file, &look) == 0;
    for (struct mapping *m = mapping_next(NULL); is_area && m; m = mapping_next(m)) {
        struct share_area *area = m->area;
        if (!area || area->file.inode != look.inode || area->file.device != look.device)
            continue;
        struct share_user user = user_of_id(handle->user, (int)handle->file);
        if (pid > 0)
            roster_confirm(area->header, &user, (uint32_t)pid);
        else
            roster_leave(area->header, &user);
        break;
    }
    os_close((int)handle->file);
}

static void *memory_open(const struct share_handle *handle)
{
    struct os_file look;
    int rc = os_file_look((int)handle->file, &look);
    if (rc == 0 && (look.size < handle->size || handle->offset >= handle->size))
        rc = -PLAIT_EFORMAT;
    void *start = rc == 0 ? share_map((int)handle->file, handle->size, &rc) : NULL;
    if (start)
        return (char *)start + handle->offset;
    os_close((int)handle->file);
    errno = -rc;
    return NULL;
}

static void *area_open(const struct share_handle *handle)
{
    struct share_kind *kind = kinds;
    while (kind && strncmp(kind->kind, handle->kind, sizeof handle->kind) != 0)
        kind = kind->next;
    struct share_area *area = kind ? share_area_adopt(handle) : NULL;
    if (!kind) {
        os_close((int)handle->file);
        errno = ENOTSUP;
    }
    if (!area)
        return NULL;
    void *object = kind->open(area, handle->part);
    if (!object) {
        int rc = errno;
        share_area_close(area);
        errno = rc;
    }
    return object;
}

void *share_handle_open(const struct share_handle *handle)
{
    struct share_handle copy = *handle;
    os_file_keep((int)copy.file, false);
    return strncmp(copy.kind, MEMORY, sizeof copy.kind) == 0 ? memory_open(&copy)
                                                             : area_open(&copy);
}
