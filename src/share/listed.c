#include "share/listed.h"
#include "share/inside.h"
#include "share/name.h"

#include <errno.h>
#include <plait/error.h>
#include <string.h>

struct request {
    bool (*each)(const struct share_listed *one, void *arg);
    void *arg;
    struct share_listed listed; /* too large for a stack */
};

static void look_at_users(struct share_listed *listed, int file)
{
    struct share_entry entry;
    for (uint32_t i = 0; i < SHARE_USERS; i++) {
        uint64_t at = offsetof(struct share_header, entries) + i * sizeof entry;
        if (os_byte_locked(file, i, 1) == i &&
            os_read_at(file, &entry, sizeof entry, at) == (long)sizeof entry)
            listed->pids[listed->users++] = (int32_t)entry.pid;
    }
}

static void look_at(struct share_listed *listed, int file)
{
    struct share_claims claims;
    if (os_read_at(file, &claims, sizeof claims, 0) != (long)sizeof claims ||
        claims.magic != SHARE_MAGIC) {
        listed->state = -PLAIT_EFORMAT;
        return;
    }
    memcpy(listed->kind, claims.kind, sizeof listed->kind - 1);
    listed->size = claims.size;
    listed->limit = claims.limit;
    look_at_users(listed, file);
}

static void list_one(struct area_name *name, int file, void *arg)
{
    struct request *request = arg;
    struct share_listed *listed = &request->listed;
    memset(listed, 0, sizeof *listed);
    listed->name = name->name;
    listed->state = file < 0 ? file : 0;
    if (file >= 0)
        look_at(listed, file);
    if (request->each(listed, request->arg) && file < 0)
        name_remove(name);
}

void share_list(bool (*each)(const struct share_listed *one, void *arg), void *arg)
{
    struct request *request = os_alloc(sizeof *request);
    if (!request)
        return;
    request->each = each;
    request->arg = arg;
    names_each(list_one, request);
    os_free(request);
}
