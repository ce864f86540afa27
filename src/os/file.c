/* The files under shared memory: who is it, a description of one's own, a lock on a byte. */
#include "os/os.h"
#include "os/syscall.h"

#include <fcntl.h>
#include <sys/stat.h>

/* Locks of an open file description: not of a process, since those are lost when the process closes
 * any descriptor of the file, and are not handed on by fork and exec. */
enum { LOCK_ASK = 36 /* F_OFD_GETLK */, LOCK_SET = 37 /* F_OFD_SETLK */ };

int os_file_look(int descriptor, struct os_file *file)
{
    struct stat now;
    long r = OS_CALL(fstat, descriptor, &now);
    if (r < 0)
        return (int)r;
    *file = (struct os_file){.device = now.st_dev,
                             .inode = now.st_ino,
                             .size = (uint64_t)now.st_size,
                             .mode = now.st_mode,
                             .user = now.st_uid,
                             .links = (uint32_t)now.st_nlink};
    return 0;
}

/* The number behind the text, which ends with NUL. */
static void append_number(char *text, unsigned number)
{
    char digits[12];
    int count = 0;
    do
        digits[count++] = (char)('0' + number % 10);
    while (number /= 10);
    while (*text)
        text++;
    while (count)
        *text++ = digits[--count];
    *text = '\0';
}

int os_file_again(int descriptor)
{
    char path[32] = "/proc/self/fd/";
    append_number(path, (unsigned)descriptor);
    return os_open(path, O_RDWR | O_CLOEXEC, 0);
}

static struct flock bytes(uint64_t from, uint64_t count, int type)
{
    return (struct flock){
        .l_type = (short)type, .l_whence = SEEK_SET, .l_start = (off_t)from, .l_len = (off_t)count};
}

int os_byte_lock(int descriptor, uint64_t byte)
{
    struct flock lock = bytes(byte, 1, F_WRLCK);
    return (int)OS_CALL_AGAIN(fcntl, descriptor, LOCK_SET, &lock);
}

void os_byte_unlock(int descriptor, uint64_t byte)
{
    struct flock lock = bytes(byte, 1, F_UNLCK);
    OS_SURE(fcntl, descriptor, LOCK_SET, &lock);
}

int64_t os_byte_locked(int descriptor, uint64_t from, uint64_t count)
{
    struct flock lock = bytes(from, count, F_WRLCK);
    long r = OS_SURE(fcntl, descriptor, LOCK_ASK, &lock);
    if (r < 0)
        return r;
    if (lock.l_type == F_UNLCK)
        return -ENOENT;
    return lock.l_start < (off_t)from ? (int64_t)from : (int64_t)lock.l_start;
}
