/* Opening permits: their area, and their handle in a child that was executed anew. */
#include "base/report.h"
#include "os/os.h"
#include "share/handle.h"
#include "sync/object.h"
#include "sync/permits.h"

#include <plait/error.h>

#include <errno.h>

enum { LAYOUT = 1 };

void permits_check(const struct plait_permits *permits, void *place)
{
    bool aligned = permits && (uintptr_t)permits % 8 == 0;
    if (aligned &&
        (permits->magic == PERMITS_MAGIC || permits->magic == PERMITS_PRIVATE + wait_forks))
        return;
    if (aligned && permits->magic - PERMITS_PRIVATE < wait_forks)
        base_misuse(permits, "permits", place, "private, and of the parent of this process");
    base_misuse(permits, "permits", place, "no permits, or freed before");
}

static int prepare(void *memory, size_t size, void *arg)
{
    struct permits_memory *made = memory;
    made->front.before = SYNC_SHARED; /* also of private ones: the lock is the shared one */
    made->front.behind = 1;
    made->units = (uint64_t) * (int *)arg;
    for (int i = 0; i < PERMITS_MOST; i++)
        made->unit[i] = (struct robust_word){.before = 0x80, .behind = 1}; /* for musl, robust.h */
    return 0;
}

static int check_options(int units, const plait_permits_options *options)
{
    for (int i = 0; i < 4; i++)
        if (options->reserved[i])
            return EINVAL; /* a field of a newer library */
    if (options->where != PLAIT_PRIVATE && options->where != PLAIT_SHARED)
        return EINVAL;
    return units < 1 || units > PERMITS_MOST ? EINVAL : 0;
}

/* 0, or why not; then the area is still the caller's. */
static int adopt(plait_permits *permits, struct share_area *area)
{
    struct permits_memory *memory = share_area_memory(area);
    if (share_area_size(area) < sizeof *memory)
        return PLAIT_EFORMAT;
    uint64_t units = atom_load(&memory->units, RELAXED);
    if (units < 1 || units > PERMITS_MOST)
        return PLAIT_EFORMAT;
    bool shared = share_area_is_shared(area);
    permits->area = area;
    permits->memory = memory;
    permits->units = (int)units;
    permits->magic = shared ? PERMITS_MAGIC : PERMITS_PRIVATE + wait_forks;
    if (shared)
        share_area_own(area, permits, 0);
    return 0;
}

static int begin(plait_permits *permits, int units, const plait_permits_options *options)
{
    struct share_area *area = share_area_open(&(struct share_request){
        .kind = "permits",
        .name = options->name,
        .where = options->url ? PLAIT_SHARED : options->where,
        .url = options->url,
        .size = sizeof(struct permits_memory),
        .layout = (uint64_t)units << 8 | LAYOUT,
        .prepare = prepare,
        .arg = &units,
    });
    if (!area)
        return errno;
    int why = adopt(permits, area);
    if (!why && options->name && base_name_set(permits, options->name) != 0)
        why = ENOMEM;
    if (why)
        share_area_close(area);
    return why;
}

plait_permits *plait_permits_open(int units, const plait_permits_options *options)
{
    static const plait_permits_options defaults;
    options = options ? options : &defaults;
    wait_me(); /* so that the program's forks are noticed from now on */
    int why = check_options(units, options);
    plait_permits *permits = why ? NULL : os_alloc(sizeof *permits);
    if (!why)
        why = permits ? begin(permits, units, options) : ENOMEM;
    if (!why) {
        permits->on_death = options->on_death;
        permits->arg = options->arg;
        return permits;
    }
    os_free(permits);
    errno = why;
    return NULL;
}

void plait_permits_free(plait_permits *permits)
{
    void *place = __builtin_return_address(0);
    if (!permits)
        return;
    permits_check(permits, place);
    if (robust_holds_within(permits->memory, sizeof *permits->memory))
        base_misuse(permits, "permits", place, "freed while this thread holds units");
    permits->magic = 0;
    share_area_close(permits->area);
    base_name_forget(permits);
    os_free(permits);
}

static void *permits_inherit(struct share_area *area, uint32_t part)
{
    plait_permits *permits = os_alloc(sizeof *permits);
    int why = permits ? adopt(permits, area) : ENOMEM;
    if (!why)
        return permits;
    os_free(permits);
    errno = why;
    return NULL;
}

__attribute__((constructor)) static void permits_register(void)
{
    static struct share_kind kind = {.kind = "permits", .open = permits_inherit};
    share_kind_register(&kind);
}
