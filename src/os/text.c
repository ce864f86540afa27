#include "os/text.h"
#include "os/os.h"
#include "os/syscall.h"

#include <fcntl.h>

bool os_text_read(const char *name, char *text, size_t size)
{
    long file = OS_CALL_AGAIN(openat, AT_FDCWD, name, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    long length = OS_CALL_AGAIN(read, file, text, size - 1);
    os_close((int)file);
    if (length <= 0)
        return false;
    text[length] = '\0';
    return true;
}
