/* Shared objects that cross to another image of the program: task/ asks for it by its hooks, since
 * it lies below. */
#include "image/image.h"
#include "share/handle.h"

_Static_assert(sizeof(struct image_handle) == sizeof(struct share_handle),
               "one is the other's bytes");

static int describe(const void *object, struct image_handle *bytes)
{
    struct share_handle *handle = (struct share_handle *)bytes;
    int rc = share_handle_of(object, handle);
    return rc < 0 ? rc : (int)handle->file;
}

static void sent(struct image_handle *bytes, pid_t pid)
{
    share_handle_sent((struct share_handle *)bytes, pid > 0 ? pid : -1);
}

static void *reopen(const struct image_handle *bytes, int descriptor)
{
    struct share_handle handle = *(const struct share_handle *)bytes;
    handle.file = (uint32_t)descriptor;
    return share_handle_open(&handle);
}

__attribute__((constructor(101))) static void cross_begin(void)
{
    image_hooks = (struct image_hooks){describe, sent, reopen};
}
