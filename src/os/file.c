/* The files under shared memory: who is it, a description of one's own, a lock on a byte. */
#include "os/os.h"
#include "os/syscall.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Locks of an open file description: not of a process, since those are lost when the process closes
 * any descriptor of the file, and are not handed on by fork and exec. */
enum { LOCK_ASK = 36 /* F_OFD_GETLK */, LOCK_SET = 37 /* F_OFD_SETLK */ };

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

static int look_of(long r, const struct stat *now, struct os_file *file)
{
    if (r < 0)
        return (int)r;
    *file = (struct os_file){
        .device = now->st_dev,
        .inode = now->st_ino,
        .size = (uint64_t)now->st_size,
        .mode = now->st_mode,
        .user = now->st_uid,
        .links = (uint32_t)now->st_nlink,
    };
    return 0;
}

int os_file_look(int descriptor, struct os_file *file)
{
    struct stat now;
    long r = OS_SURE(fstat, descriptor, &now);
    return look_of(r, &now, file);
}

int os_path_look(const char *path, struct os_file *file)
{
    struct stat now;
    long r = OS_CALL(newfstatat, AT_FDCWD, path, &now, AT_SYMLINK_NOFOLLOW);
    return look_of(r, &now, file);
}

bool os_file_is_ours(const struct os_file *file)
{
    return S_ISREG(file->mode) && (file->mode & 0177) == 0 && file->user == geteuid() &&
           file->links <= 1;
}

int os_pid_namespace(uint64_t *number)
{
    struct stat now;
    long r = OS_CALL(newfstatat, AT_FDCWD, "/proc/self/ns/pid", &now, 0);
    if (r < 0)
        return r == -ENOENT ? -ENOSYS : (int)r;
    *number = (uint64_t)now.st_ino;
    return 0;
}

long os_read_at(int descriptor, void *to, size_t size, uint64_t offset)
{
    return OS_CALL_AGAIN(pread64, descriptor, to, size, offset);
}

long os_write_at(int descriptor, const void *from, size_t size, uint64_t offset)
{
    return OS_CALL_AGAIN(pwrite64, descriptor, from, size, offset);
}

void os_unlink(const char *path)
{
    OS_SURE(unlinkat, AT_FDCWD, path, 0);
}

struct entry { /* of getdents64 */
    uint64_t inode, next;
    uint16_t length;
    uint8_t type;
    char name[];
};

int os_directory_each(const char *path, void (*each)(const char *name, void *arg), void *arg)
{
    char text[2048] __attribute__((aligned(8)));
    int directory = os_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    long size = directory;
    while (size >= 0 && (size = OS_CALL(getdents64, directory, text, sizeof text)) > 0)
        for (long at = 0; at < size; at += ((struct entry *)(text + at))->length)
            each(((struct entry *)(text + at))->name, arg);
    if (directory >= 0)
        os_close(directory);
    return (int)size;
}

int os_file_of(int pid, int descriptor, const struct os_file *wanted)
{
    char path[64] = "/proc/";
    struct os_file look = {0};
    append_number(path, (unsigned)pid);
    strcat(path, "/fd/");
    append_number(path, (unsigned)descriptor);
    /* By path only at first: it may be anything by now, and to open a device does things. */
    int at = os_open(path, O_PATH | O_CLOEXEC, 0);
    if (at < 0)
        return at;
    int rc = os_file_look(at, &look);
    if (rc == 0)
        rc = look.device == wanted->device && look.inode == wanted->inode ? os_file_again(at)
                                                                          : -ENOENT;
    os_close(at);
    return rc;
}

int os_file_keep(int descriptor, bool over_exec)
{
    return (int)OS_CALL(fcntl, descriptor, F_SETFD, over_exec ? 0 : FD_CLOEXEC);
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
