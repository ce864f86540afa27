/* What stands beside the sources of futures where these are explored. */
#include "base/report.h"
#include "os/os.h"
#include "pool/future.h"

#include <plait/error.h>

/* Without caches, so that what is given back is known. */
void *future_block(void)
{
    return os_alloc(FUTURE_BLOCK);
}

void future_block_free(void *block)
{
    os_free(block);
}

const char *plait_strerror(int code)
{
    return "";
}

const char *base_object(const void *object, const char *type, char *text, size_t size)
{
    return text;
}
