/* plait/error.h - codes, their texts, names of objects, settings. Include <plait.h>.
 *
 * An int or ssize_t call returns 0, a count or a size, or else a negative code: -errno, or one of
 * plait's own below. errno itself is left alone. A call that makes something returns NULL instead
 * and says why in errno. A void call cannot fail. Out parameters stay as they were on failure.
 *
 * What only a wrong program does is not a code: it aborts, with the object, its name, its holder
 * and the places. Nobody handles such a code rightly, and the place where it happened is what
 * helps. What the world or the data does is a code.
 *
 * Example:
 *     int try_for_a_second(plait_lock *lock)
 *     {
 *         int rc = plait_lock_acquire(lock, plait_after(PLAIT_SECOND));
 *         if (rc < 0 && rc != -EOWNERDEAD)
 *             return fprintf(stderr, "lock: %s\n", plait_strerror(rc)), rc;
 *         plait_lock_mend(lock); // does nothing to a sound lock
 *         return plait_lock_release(lock), 0;
 *     }
 *
 * The codes that every waiting call has: -EAGAIN, it would have to wait and the deadline is
 * PLAIT_NOW; -ETIMEDOUT, the deadline came; -ECANCELED, this task was cancelled, told once.
 * docs/errors.md has a row per call. Since 0.1. */
#ifndef PLAIT_ERROR_H
#define PLAIT_ERROR_H
#include <plait/macros.h>
#ifdef __cplusplus
extern "C" {
#endif

/* What this header was; plait_version tells what the library is. The number is major * 10000 +
 * minor * 100 + patch. */
#define PLAIT_VERSION "0.1.0"
#define PLAIT_VERSION_NUMBER 100

/* Beyond errno, from 5000 on so that no system's errno is met: the job failed, not my wait | the
 * function is not in that program | a segment of another layout, or damaged. */
enum { PLAIT_EFAILED = 5000, PLAIT_EFUNCTION, PLAIT_EFORMAT };
/* The status of a task that a signal killed: out of the way of any status that a program chooses.
 */
#define PLAIT_KILLED(signal) (-5100 - (signal))
/* A process task that left by exit(status) before its function returned has the status `status`;
 * this one is for jobs. */
#define PLAIT_EXITED(status) (-5300 - (status))

/* Which signal killed it?
 *   status   of plait_join or plait_task_status
 *   returns  the signal's number; 0 when none did */
static inline int plait_killed_by(int status)
{
    return status < -5100 && status > -5200 ? -5100 - status : 0;
}

/* A text for a code or status: errno's, plait's own, "killed by signal 9 (Killed)". Either sign, so
 * that rc and -rc will do.
 *   returns  never NULL; constant, or this thread's until its next call
 *   errors   none
 *   blocks   never */
const char *plait_strerror(int code);

/* Names a lock, an event or any other small object of yours for messages and the dump. Without one
 * its symbol is shown, or its type and address. Opaque objects take a name in their options.
 *   object   known by its address from now on
 *   name     copied; NULL takes the name back
 *   errors   none: without memory for the copy it goes without a name
 *   blocks   never */
void plait_name(const void *object, const char *name);

/* Settings of the whole program. Zeroes are the defaults (docs/defaults.md); the PLAIT_* variables
 * in brackets win. */
typedef struct plait_settings {
    int workers;          /* how many run coroutines: the CPUs it may use [PLAIT_WORKERS] */
    int spare_workers;    /* more of them when some are stuck, at most: 64 [PLAIT_SPARE_WORKERS] */
    int dump_signal;      /* asks for plait_dump(2, true); 0: none [PLAIT_DUMP_SIGNAL] */
    size_t stack;         /* bytes of address space of a coroutine: 256 KB [PLAIT_STACK] */
    const char *poller;   /* "epoll" [PLAIT_POLLER] */
    const char *deadlock; /* "report", "error", "abort": watch.h [PLAIT_DEADLOCK] */
    bool check;           /* checked mode: watch.h [PLAIT_CHECK] */
    bool strict_fork;     /* refuse process tasks beside other threads [PLAIT_STRICT_FORK] */
    uint64_t seed;        /* deterministic mode; 0: off, but PLAIT_SEED=0 is a seed [PLAIT_SEED] */
    PLAIT_OPTIONS(plait_settings)
} plait_settings;

/* Sets them. To be called before any other call of plait.
 *   settings copied, texts too; NULL: all defaults
 *   returns  0
 *   errors   -EBUSY (something was called before), -EINVAL (a value out of its range, a reserved
 *            word that is not 0)
 *   blocks   never */
int plait_configure(const plait_settings *settings);

/* The library's version, "0.1.0".
 *   returns  a constant
 *   errors   none
 *   blocks   never */
const char *plait_version(void);

#ifdef __cplusplus
}
#endif
#endif
