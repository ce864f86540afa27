/* What crosses to a new image, as bytes: written twice, the first time only to count. */
#include "image/image.h"
#include "wait/wait.h"

#include <string.h>
#include <unistd.h>

enum { ALIGN = 64 };
#define MOST ((size_t)1 << 46)

struct writer {
    char *start; /* NULL: only counts */
    size_t size;
};

static uint64_t put(struct writer *to, const void *bytes, size_t size)
{
    uint64_t at = (to->size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (to->start && size)
        memcpy(to->start + at, bytes, size);
    to->size = at + size;
    return at;
}

static struct image_part put_part(struct writer *to, const void *bytes, size_t size, size_t count)
{
    if (!count)
        return (struct image_part){0};
    return (struct image_part){(uint32_t)put(to, bytes, size), (uint32_t)count};
}

/* One behind the other, each with its NUL. */
static struct image_part put_strings(struct writer *to, const char *const *strings)
{
    struct image_part part = {0};
    if (!strings)
        return part;
    part.at = (uint32_t)put(to, NULL, 0);
    for (; strings[part.count]; part.count++) {
        size_t size = strlen(strings[part.count]) + 1;
        if (to->start)
            memcpy(to->start + to->size, strings[part.count], size);
        to->size += size;
    }
    return part;
}

static void put_options(struct writer *to, struct image_order *order,
                        const plait_child_options *child)
{
    size_t directory = child->directory ? strlen(child->directory) + 1 : 0;
    order->changes = 1;
    order->descriptors = (uint16_t)child->descriptor_count;
    order->nice = child->nice;
    order->new_group = child->new_group;
    order->unix_daemon = child->unix_daemon;
    order->directory = put_part(to, child->directory, directory, directory);
    order->environment = put_strings(to, child->environment);
    order->cpus = put_part(to, child->cpus, child->cpus_size, child->cpus_size);
    order->limits = put_part(to, child->limits, sizeof *child->limits * (size_t)child->limit_count,
                             (size_t)child->limit_count);
}

static size_t write_all(char *start, const struct image_request *request)
{
    struct image_order order = {.magic = IMAGE_MAGIC,
                                .kind = request->kind,
                                .epoch = wait_epoch,
                                .task = request->task,
                                .parent = getpid(),
                                .function = request->function,
                                .handles = (uint16_t)request->handle_count,
                                .arg_size = request->arg_size,
                                .tied = request->tied};
    struct writer to = {start, sizeof order};
    if (request->child)
        put_options(&to, &order, request->child);
    order.handle =
        put_part(&to, request->handles, sizeof *request->handles * order.handles, order.handles);
    order.arg = put(&to, request->arg, request->arg_size); /* last, since it alone may be large */
    order.size = to.size;
    if (start)
        memcpy(start, &order, sizeof order);
    return to.size;
}

size_t image_order_size(const struct image_request *request)
{
    return request->arg_size > MOST ? 0 : write_all(NULL, request);
}

void image_order_write(struct image_order *order, const struct image_request *request)
{
    write_all((char *)order, request);
}

void *image_order_at(const struct image_order *order, uint64_t offset)
{
    return offset ? (char *)order + offset : NULL;
}

static bool part_is_inside(const struct image_order *order, struct image_part part, size_t each)
{
    return part.at <= order->size && part.count <= (order->size - part.at) / each;
}

bool image_order_is_good(const struct image_order *order, size_t size)
{
    if (size < sizeof *order || order->magic != IMAGE_MAGIC || order->size > size ||
        order->size < sizeof *order)
        return false;
    return order->arg <= order->size && order->arg_size <= order->size - order->arg &&
           order->handles <= IMAGE_HANDLES_MOST && part_is_inside(order, order->directory, 1) &&
           part_is_inside(order, order->environment, 1) && part_is_inside(order, order->cpus, 1) &&
           part_is_inside(order, order->limits, sizeof(struct plait_limit)) &&
           part_is_inside(order, order->handle, sizeof(struct image_handle));
}

void image_order_options(const struct image_order *order, plait_child_options *options)
{
    *options = (plait_child_options){.directory = image_order_at(order, order->directory.at),
                                     .cpus = image_order_at(order, order->cpus.at),
                                     .cpus_size = order->cpus.count,
                                     .limits = image_order_at(order, order->limits.at),
                                     .limit_count = (int)order->limits.count,
                                     .nice = order->nice,
                                     .new_group = order->new_group,
                                     .unix_daemon = order->unix_daemon};
}

void image_environment(const struct image_order *order, const char **strings)
{
    char *at = image_order_at(order, order->environment.at);
    for (uint32_t i = 0; i < order->environment.count; i++) {
        strings[i] = at;
        at += strlen(at) + 1;
    }
    strings[order->environment.count] = NULL;
}
