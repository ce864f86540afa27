/* Shared objects that were given to a child: plait_inherited. */
#include "image/image.h"
#include "os/os.h"
#include "task/process.h"

struct image_hooks image_hooks;

static struct {
    void *objects[IMAGE_HANDLES_MOST];
    int count;
} inherited;

/* In a fork they lie where they lay. */
void child_inherit(void *const *shared, int count)
{
    inherited.count = count;
    if (count)
        memcpy(inherited.objects, shared, (size_t)count * sizeof *shared);
}

void child_open_handles(const struct image_order *order, const int *descriptors)
{
    const struct image_handle *handles = image_order_at(order, order->handle.at);
    inherited.count = order->handles;
    for (int i = 0; i < order->handles; i++)
        inherited.objects[i] =
            image_hooks.open ? image_hooks.open(&handles[i], descriptors[i]) : NULL;
}

void *plait_inherited(int index)
{
    return index >= 0 && index < inherited.count ? inherited.objects[index] : NULL;
}
