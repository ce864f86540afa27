/* Options of a start: what is wrong with them, before there is any effect. */
#include "image/image.h"
#include "os/child.h"
#include "task/task.h"

#include <errno.h>

enum { DESCRIPTORS_MOST = 128, NICE_LEAST = -20, NICE_MOST = 19 };

static bool reserved_is_used(void *const *reserved)
{
    return reserved[0] || reserved[1] || reserved[2] || reserved[3];
}

static bool child_is_good(const plait_child_options *child)
{
    return !reserved_is_used(child->reserved) && child->descriptor_count >= 0 &&
           child->descriptor_count <= DESCRIPTORS_MOST && child->limit_count >= 0 &&
           child->limit_count <= DESCRIPTORS_MOST && child->nice >= NICE_LEAST &&
           child->nice <= NICE_MOST && !child->cpus == !child->cpus_size &&
           (child->descriptors || !child->descriptor_count) &&
           (child->limits || !child->limit_count);
}

/* Only in a process can these be true. */
static bool process_is_good(const void *arg, const plait_start_options *options)
{
    bool is_image = options->method == PLAIT_SPAWN || options->method == PLAIT_FORKSERVER;
    if (options->method > PLAIT_FORKSERVER || options->shared_count < 0 ||
        options->shared_count > IMAGE_HANDLES_MOST || (options->shared_count && !options->shared))
        return false;
    /* A pointer without a size is refused because it means nothing in another image; a size
     * without bytes is a mistake anywhere. */
    if (is_image ? !arg != !options->arg_size : options->arg_size && !arg)
        return false;
    return !options->child || child_is_good(options->child);
}

int start_options_check(plait_carrier carrier, const void *arg, const plait_start_options *options)
{
    bool asks = options->method || options->arg_size || options->shared || options->shared_count ||
                options->child;
    bool good = carrier >= PLAIT_PROCESS && carrier <= PLAIT_COROUTINE &&
                !reserved_is_used(options->reserved) && options->stack <= (size_t)1 << 40 &&
                options->grace >= 0;
    if (good && asks)
        good = carrier == PLAIT_PROCESS && process_is_good(arg, options);
    return good ? 0 : -EINVAL;
}
