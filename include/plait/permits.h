/* plait/permits.h - a semaphore that knows its holders. Include <plait.h>.
 *
 * Permits are for things of which there are a few, and which a task must have while it works: three
 * connections, two card readers. As with a semaphore, a task takes units and gives them back; but
 * each unit knows who holds it. When its holder dies, killed at any instruction, the unit comes
 * back by itself, and somebody is told, so that he may look after the thing that was in use.
 *
 * Example:
 *     static void mended(int units, void *unused)
 *     {
 *         fprintf(stderr, "%d card readers were left in use; reset them\n", units);
 *     }
 *     int pay(plait_permits *readers)
 *     {
 *         int rc = plait_permits_acquire(readers, 1, plait_after(PLAIT_SECOND));
 *         if (rc != 0)
 *             return rc; // -ETIMEDOUT: both are in use
 *         printf("paid\n");
 *         plait_permits_release(readers, 1);
 *         return 0;
 *     }
 *     int open_shop(void)
 *     {
 *         plait_permits_options options = {.where = PLAIT_SHARED, .on_death = mended};
 *         plait_permits *readers = plait_permits_open(2, &options);
 *         if (readers == NULL)
 *             return -errno;
 *         int rc = pay(readers);
 *         plait_permits_free(readers);
 *         return rc;
 *     }
 *
 * Threads, coroutines, plain pthreads and, with PLAIT_SHARED or a URL, processes may share them.
 * The holder is the task that acquired; nobody else can release for it (plait_semaphore is for
 * that). The end of a task is a death too: what a thread or coroutine holds when its function
 * returns comes back. Units are taken all at once or not at all, and nobody starves: who waits
 * first, and wants more than one or has waited for a millisecond, has all units put by for him. A
 * stopped holder keeps its units; a stopped process that waits first keeps them put by, for others'
 * deadlines at most.
 *
 * Who waits hears of the death of any of the first 15 holders from the kernel, of others within 50
 * ms. The object is opaque. A private one is of its process: in a child of a fork its first use
 * stops the program. The named semaphore of other systems is `.url`. Since 0.1. */
#ifndef PLAIT_PERMITS_H
#define PLAIT_PERMITS_H
#include <plait/macros.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct plait_permits plait_permits;
typedef struct plait_permits_options {
    const char *name; /* for messages; copied */
    plait_where where;
    const char *url;                        /* "shm:NAME", made if new; ?create, ?attach insist */
    void (*on_death)(int units, void *arg); /* see plait_permits_open; NULL: nobody is told */
    void *arg;
    PLAIT_OPTIONS(plait_permits_options)
} plait_permits_options;

/* Makes permits, or attaches to those of that URL.
 *   units    how many there are, 1 to 120; to attach: as many as they were made with
 *   options  .on_death is this process', and its later children's. It is called in the acquire that
 *            takes back what the dead held, once for them all, before that returns; it may use the
 *            permits, and must not wait for long
 *   returns  the permits, yours until plait_permits_free
 *   errors   NULL and errno: EINVAL (units, a field of a newer library, a URL that is none),
 *            ENOMEM, ENOSPC, EMFILE, ENFILE; with a URL also EEXIST, ENOENT, EXDEV (another PID
 *            namespace), EACCES (another user's), EUSERS, PLAIT_EFORMAT (another kind, other units,
 *            damaged)
 *   blocks   never; with a URL for a moment while another process makes or opens the same name */
plait_permits *plait_permits_open(int units, const plait_permits_options *options);

/* Takes units: all of them, or none. This task holds them from now on, on its thread.
 *   units    1 or more
 *   returns  0: they are taken
 *   errors   -EINVAL (below 1, more than there are in all), -EAGAIN (PLAIT_NOW and too few),
 *            -ETIMEDOUT, -ECANCELED, -ENOLCK (this thread holds 1,900 shared words, or has no
 *            memory for the first)
 *   misuse   a duration where a deadline belongs; permits that were freed, or of a parent
 *   blocks   while there are too few, or they are put by for another */
PLAIT_MUST_USE int plait_permits_acquire(plait_permits *permits, int units, int64_t deadline);

/* Gives units back and wakes who can go on.
 *   units    1 or more, at most as many as this task holds
 *   errors   none; never -ECANCELED
 *   misuse   0 or negative; more than this task holds
 *   blocks   never */
void plait_permits_release(plait_permits *permits, int units);

/* Gives this process' handle back; other processes keep theirs. NULL is allowed.
 *   errors   none
 *   misuse   this thread holds units; freed before
 *   blocks   never */
void plait_permits_free(plait_permits *permits);

#ifdef __cplusplus
}
#endif
#endif
