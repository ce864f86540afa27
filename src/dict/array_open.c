/* Opening an array and letting it go. */
#include "base/report.h"
#include "dict/array.h"
#include "os/os.h"
#include "share/handle.h"
#include "wait/wait.h"

#include <errno.h>

enum { LAYOUT = 1 };

/* 0, or why not. */
static int check_options(const plait_array_options *options, size_t element, size_t count)
{
    for (int i = 0; i < 4; i++)
        if (options->reserved[i])
            return EINVAL; /* a field of a newer library */
    if (options->where != PLAIT_PRIVATE && options->where != PLAIT_SHARED)
        return EINVAL;
    return element == 0 || count == 0 ? EINVAL : 0;
}

/* Where everything lies: offsets first, addresses once there is memory. 0, or why not. */
static int lay_out(plait_array *array, size_t element, size_t count, size_t *bytes)
{
    size_t lowest = element & -element, spares;
    array->element = element;
    array->count = count;
    array->unit = lowest < 8 ? (unsigned)lowest : 8;
    if (element != array->unit)
        array->parts = element < ARRAY_LARGE ? ARRAY_PARTS : 1;
    if (element > PTRDIFF_MAX / 32 || __builtin_mul_overflow(element, count, bytes))
        return EINVAL;
    array->stride = (element + 63) & ~(size_t)63;
    spares = sizeof(struct array_head) + array->parts * sizeof(struct array_part);
    spares = (spares + 127) & ~(size_t)127;
    array->spares = (char *)spares;
    array->elements = (char *)spares + array->parts * array->stride;
    if (__builtin_add_overflow(*bytes, (size_t)array->elements, bytes) || *bytes > PTRDIFF_MAX / 2)
        return EINVAL;
    return 0;
}

static void find_places(plait_array *array, void *memory)
{
    array->memory = memory;
    array->part = (struct array_part *)(void *)(array->memory + 128);
    array->spares = array->memory + (size_t)array->spares;
    array->elements = array->memory + (size_t)array->elements;
}

static int prepare(void *memory, size_t size, void *arg)
{
    const plait_array *array = arg;
    struct array_head *head = memory;
    struct array_part *part = (struct array_part *)(void *)((char *)memory + 128);
    head->magic = ARRAY_MAGIC;
    head->element = array->element;
    head->count = array->count;
    plait_lock_init(&head->lock, array->shared ? PLAIT_SHARED : PLAIT_PRIVATE);
    for (size_t i = 0; i < array->parts; i++)
        guard_init(&part[i].guard, array->shared);
    return 0;
}

/* Whatever comes of it, the caller must close the area. */
static int attach(plait_array *array, struct share_area *area, size_t bytes)
{
    array->area = area;
    find_places(array, share_area_memory(area));
    array->magic = array->shared ? ARRAY_MAGIC : ARRAY_PRIVATE + wait_forks;
    if (array->shared)
        share_area_own(area, array, 0);
    const struct array_head *head = (struct array_head *)(void *)array->memory;
    bool same = share_area_size(area) >= bytes && head->magic == ARRAY_MAGIC &&
                head->element == array->element && head->count == array->count;
    return same ? 0 : PLAIT_EFORMAT;
}

static int begin(plait_array *array, const plait_array_options *options, size_t bytes)
{
    array->shared = options->where == PLAIT_SHARED || options->url;
    struct share_area *area = share_area_open(&(struct share_request){
        .kind = "array",
        .name = options->name,
        .where = array->shared ? PLAIT_SHARED : PLAIT_PRIVATE,
        .url = options->url,
        .size = bytes,
        .layout = (array->element * UINT64_C(0x9e3779b97f4a7c15) ^ array->count) + LAYOUT,
        .prepare = prepare,
        .arg = array,
    });
    if (!area)
        return errno;
    int why = attach(array, area, bytes);
    if (!why && options->name && base_name_set(array, options->name) != 0)
        why = ENOMEM;
    if (why)
        share_area_close(area);
    return why;
}

/* In a process that was handed one: what the head says is copied once, then checked, since a
 * peer may change it meanwhile. */
static void *adopt(struct share_area *area, uint32_t part)
{
    const struct array_head *head = share_area_at(area, 0, sizeof *head);
    size_t element = head ? head->element : 0, count = head ? head->count : 0, bytes;
    plait_array *array = os_alloc(sizeof *array);
    int why = array ? 0 : ENOMEM;
    if (!why && (element == 0 || count == 0 || lay_out(array, element, count, &bytes) != 0))
        why = PLAIT_EFORMAT;
    if (!why) {
        array->shared = true;
        why = attach(array, area, bytes);
    }
    if (!why)
        return array;
    os_free(array);
    errno = why;
    return NULL;
}

__attribute__((constructor)) static void register_kind(void)
{
    static struct share_kind arrays = {"array", adopt, NULL};
    share_kind_register(&arrays);
}

plait_array *plait_array_open(size_t element, size_t count, const plait_array_options *options)
{
    static const plait_array_options defaults;
    size_t bytes;
    options = options ? options : &defaults;
    wait_me(); /* so that the program's forks are noticed from now on */
    int why = check_options(options, element, count);
    plait_array *array = why ? NULL : os_alloc(sizeof *array);
    if (!why)
        why = array ? lay_out(array, element, count, &bytes) : ENOMEM;
    if (!why)
        why = begin(array, options, bytes);
    if (!why)
        return array;
    os_free(array);
    errno = why;
    return NULL;
}

void plait_array_free(plait_array *array)
{
    if (!array)
        return;
    array_check(array, __builtin_return_address(0));
    array->magic = 0;
    share_area_close(array->area);
    base_name_forget(array);
    os_free(array);
}
