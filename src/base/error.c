/* Texts of codes. All are constants: a buffer per thread would be overwritten by the second call in
 * one printf, and libc's strerror depends on the locale and, on some systems, on a shared buffer.
 * So the table of errno's texts is our own. */
#include <errno.h>
#include <plait/error.h>
#include <signal.h>
#include <stddef.h>

enum { KILLED = 5100, SIGNALS = 65, EXITED = 5300, STATUSES = 256 };

static const char *const errno_texts[] = {
    [0] = "success",
    [EPERM] = "operation not permitted",
    [ENOENT] = "no such file or directory",
    [ESRCH] = "no such process",
    [EINTR] = "interrupted system call",
    [EIO] = "input/output error",
    [ENXIO] = "no such device or address",
    [E2BIG] = "argument list too long",
    [ENOEXEC] = "not an executable format",
    [EBADF] = "bad file descriptor",
    [ECHILD] = "no child processes",
    [EAGAIN] = "not possible now, try again",
    [ENOMEM] = "out of memory",
    [EACCES] = "permission denied",
    [EFAULT] = "bad address",
    [ENOTBLK] = "block device required",
    [EBUSY] = "busy, or in use already",
    [EEXIST] = "exists already",
    [EXDEV] = "link across devices",
    [ENODEV] = "no such device",
    [ENOTDIR] = "not a directory",
    [EISDIR] = "is a directory",
    [EINVAL] = "invalid argument",
    [ENFILE] = "too many open files in the system",
    [EMFILE] = "too many open files",
    [ENOTTY] = "not a terminal",
    [ETXTBSY] = "program file busy",
    [EFBIG] = "file too large",
    [ENOSPC] = "no space left",
    [ESPIPE] = "cannot seek",
    [EROFS] = "read-only file system",
    [EMLINK] = "too many links",
    [EPIPE] = "closed, or broken pipe",
    [EDOM] = "argument out of domain",
    [ERANGE] = "result out of range",
    [EDEADLK] = "would deadlock",
    [ENAMETOOLONG] = "name too long",
    [ENOLCK] = "no locks available",
    [ENOSYS] = "not available on this system",
    [ENOTEMPTY] = "directory not empty",
    [ELOOP] = "too many symbolic links",
    [ENOMSG] = "no message of that type",
    [EIDRM] = "identifier removed",
    [ECHRNG] = "channel number out of range",
    [EL2NSYNC] = "level 2 not synchronized",
    [EL3HLT] = "level 3 halted",
    [EL3RST] = "level 3 reset",
    [ELNRNG] = "link number out of range",
    [EUNATCH] = "protocol driver not attached",
    [ENOCSI] = "no CSI structure available",
    [EL2HLT] = "level 2 halted",
    [EBADE] = "invalid exchange",
    [EBADR] = "invalid request descriptor",
    [EXFULL] = "exchange full",
    [ENOANO] = "no anode",
    [EBADRQC] = "invalid request code",
    [EBADSLT] = "invalid slot",
    [EBFONT] = "bad font file",
    [ENOSTR] = "not a stream",
    [ENODATA] = "no data available",
    [ETIME] = "timer expired",
    [ENOSR] = "out of stream resources",
    [ENONET] = "machine not on the network",
    [ENOPKG] = "package not installed",
    [EREMOTE] = "object is remote",
    [ENOLINK] = "link has been severed",
    [EADV] = "advertise error",
    [ESRMNT] = "srmount error",
    [ECOMM] = "communication error on send",
    [EPROTO] = "protocol error",
    [EMULTIHOP] = "multihop attempted",
    [EDOTDOT] = "RFS error",
    [EBADMSG] = "bad message",
    [EOVERFLOW] = "value too large for its type",
    [ENOTUNIQ] = "name not unique on the network",
    [EBADFD] = "descriptor in bad state",
    [EREMCHG] = "remote address changed",
    [ELIBACC] = "cannot reach a needed shared library",
    [ELIBBAD] = "corrupt shared library",
    [ELIBSCN] = ".lib section of the program corrupt",
    [ELIBMAX] = "too many shared libraries",
    [ELIBEXEC] = "cannot run a shared library",
    [EILSEQ] = "invalid multibyte character",
    [ERESTART] = "system call should be restarted",
    [ESTRPIPE] = "streams pipe error",
    [EUSERS] = "too many users",
    [ENOTSOCK] = "not a socket",
    [EDESTADDRREQ] = "destination address required",
    [EMSGSIZE] = "message too long",
    [EPROTOTYPE] = "wrong protocol for this socket",
    [ENOPROTOOPT] = "protocol not available",
    [EPROTONOSUPPORT] = "protocol not supported",
    [ESOCKTNOSUPPORT] = "socket type not supported",
    [ENOTSUP] = "not supported",
    [EPFNOSUPPORT] = "protocol family not supported",
    [EAFNOSUPPORT] = "address family not supported",
    [EADDRINUSE] = "address in use already",
    [EADDRNOTAVAIL] = "address not available",
    [ENETDOWN] = "network down",
    [ENETUNREACH] = "network unreachable",
    [ENETRESET] = "connection dropped by the network",
    [ECONNABORTED] = "connection aborted",
    [ECONNRESET] = "connection reset by the peer",
    [ENOBUFS] = "no buffer space",
    [EISCONN] = "connected already",
    [ENOTCONN] = "not connected",
    [ESHUTDOWN] = "cannot send after shutdown",
    [ETOOMANYREFS] = "too many references",
    [ETIMEDOUT] = "timed out",
    [ECONNREFUSED] = "connection refused",
    [EHOSTDOWN] = "host down",
    [EHOSTUNREACH] = "host unreachable",
    [EALREADY] = "under way already",
    [EINPROGRESS] = "now under way",
    [ESTALE] = "stale handle",
    [EUCLEAN] = "structure needs cleaning",
    [ENOTNAM] = "not a XENIX named file",
    [ENAVAIL] = "no XENIX semaphores available",
    [EISNAM] = "is a named file",
    [EREMOTEIO] = "remote input/output error",
    [EDQUOT] = "disk quota exceeded",
    [ENOMEDIUM] = "no medium",
    [EMEDIUMTYPE] = "wrong medium",
    [ECANCELED] = "cancelled",
    [ENOKEY] = "key not available",
    [EKEYEXPIRED] = "key expired",
    [EKEYREVOKED] = "key revoked",
    [EKEYREJECTED] = "key rejected",
    [EOWNERDEAD] = "its owner died",
    [ENOTRECOVERABLE] = "not recoverable",
    [ERFKILL] = "radio switched off",
    [EHWPOISON] = "memory page has a hardware error",
};

static const char *const own_texts[] = {
    [PLAIT_EFAILED - PLAIT_EFAILED] = "the job failed",
    [PLAIT_EFUNCTION - PLAIT_EFAILED] = "function not known there",
    [PLAIT_EFORMAT - PLAIT_EFAILED] = "wrong format or version",
};

#define TEN(text, tens, end)                                                                       \
    text tens "0" end, text tens "1" end, text tens "2" end, text tens "3" end, text tens "4" end, \
        text tens "5" end, text tens "6" end, text tens "7" end, text tens "8" end,                \
        text tens "9" end
#define EXIT(tens) TEN("worker called exit(", tens, ")")
#define REALTIME(tens) TEN("killed by signal ", tens, "")

/* Real-time signals have no names. */
static const char numbered[][20] = {REALTIME(""),  REALTIME("1"), REALTIME("2"), REALTIME("3"),
                                    REALTIME("4"), REALTIME("5"), REALTIME("6")};

static const char *const signal_texts[SIGNALS] = {
    [SIGHUP] = "killed by SIGHUP",   [SIGINT] = "killed by SIGINT",
    [SIGQUIT] = "killed by SIGQUIT", [SIGILL] = "killed by SIGILL",
    [SIGTRAP] = "killed by SIGTRAP", [SIGABRT] = "killed by SIGABRT",
    [SIGBUS] = "killed by SIGBUS",   [SIGFPE] = "killed by SIGFPE",
    [SIGKILL] = "killed by SIGKILL", [SIGUSR1] = "killed by SIGUSR1",
    [SIGSEGV] = "killed by SIGSEGV", [SIGUSR2] = "killed by SIGUSR2",
    [SIGPIPE] = "killed by SIGPIPE", [SIGALRM] = "killed by SIGALRM",
    [SIGTERM] = "killed by SIGTERM", [SIGSTKFLT] = "killed by SIGSTKFLT",
    [SIGCHLD] = "killed by SIGCHLD", [SIGCONT] = "killed by SIGCONT",
    [SIGSTOP] = "killed by SIGSTOP", [SIGTSTP] = "killed by SIGTSTP",
    [SIGTTIN] = "killed by SIGTTIN", [SIGTTOU] = "killed by SIGTTOU",
    [SIGURG] = "killed by SIGURG",   [SIGXCPU] = "killed by SIGXCPU",
    [SIGXFSZ] = "killed by SIGXFSZ", [SIGVTALRM] = "killed by SIGVTALRM",
    [SIGPROF] = "killed by SIGPROF", [SIGWINCH] = "killed by SIGWINCH",
    [SIGIO] = "killed by SIGIO",     [SIGPWR] = "killed by SIGPWR",
    [SIGSYS] = "killed by SIGSYS",
};

static const char exit_texts[][24] = {
    EXIT(""),   EXIT("1"),  EXIT("2"),  EXIT("3"),  EXIT("4"),  EXIT("5"),  EXIT("6"),
    EXIT("7"),  EXIT("8"),  EXIT("9"),  EXIT("10"), EXIT("11"), EXIT("12"), EXIT("13"),
    EXIT("14"), EXIT("15"), EXIT("16"), EXIT("17"), EXIT("18"), EXIT("19"), EXIT("20"),
    EXIT("21"), EXIT("22"), EXIT("23"), EXIT("24"), EXIT("25"),
};

static const char *text_at(const char *const *texts, size_t count, unsigned code)
{
    return code < count ? texts[code] : NULL;
}

#define TEXT_AT(texts, code) text_at(texts, sizeof(texts) / sizeof(texts)[0], code)

static const char *text_of_signal(unsigned signal)
{
    const char *name = TEXT_AT(signal_texts, signal);
    return name ? name : numbered[signal];
}

const char *plait_strerror(int code)
{
    unsigned number = code < 0 ? -(unsigned)code : (unsigned)code; /* -INT_MIN is no int */
    const char *text = TEXT_AT(errno_texts, number);
    if (number >= PLAIT_EFAILED)
        text = TEXT_AT(own_texts, number - PLAIT_EFAILED);
    if (number > KILLED && number - KILLED < SIGNALS)
        text = text_of_signal(number - KILLED);
    if (number >= EXITED && number - EXITED < STATUSES)
        text = exit_texts[number - EXITED];
    return text ? text : "unknown error";
}

const char *plait_version(void)
{
    return PLAIT_VERSION;
}
