/* plait/spawn.h - how a process is made, and what is changed in it. Include <plait.h>.
 *
 * plait_start of a PLAIT_PROCESS forks: pointers, globals and all go on as copies. A program that
 * is large, has many threads, or wants a child without its secrets says .method:
 *
 *   PLAIT_FORK        all of this program's memory is there, as a copy; the default
 *   PLAIT_SPAWN       this program's file executed anew: constructors run, main never does; globals
 *                     are as at a program's start, 0, 1 and 2 as here, all other descriptors closed
 *   PLAIT_FORKSERVER  one such image, made at the first start, forks the children: as fast as a
 *                     fork of a tiny program, whatever the size of this one. 0, 1, 2 and the
 *                     directory are those of this program now; globals, limits and environment
 *                     those of the server, which plait_quiesce ends and the next start makes anew
 *
 * Bytes and shared objects cross to an image, pointers do not. The function is found by its
 * distance from the start of the program or library that holds it, whose build-id says that it is
 * the same. One without is refused (-PLAIT_EFUNCTION, and a line that says what to write); one of a
 * library that is loaded later ends its task with that status. Every other promise is that of a
 * fork: ids, cancel, terminate, join, whole statuses, death with this program. Opaque private
 * objects that a constructor made are those of the server, where it is one.
 *
 * The server and one more child, which is kept ready, are children of this program: a wait() of its
 * own for any child finds them, too. Handlers of pthread_atfork do not run in the server's
 * children.
 *
 * Example:
 *     struct job { int from, to; };
 *     int sum(void *arg)
 *     {
 *         const struct job *job = (const struct job *)arg; // a copy
 *         return (job->from + job->to) * (job->to - job->from + 1) / 2;
 *     }
 *     int sum_elsewhere(int from, int to)
 *     {
 *         struct job job = { from, to };
 *         plait_start_options options = { 0 };
 *         options.method = PLAIT_SPAWN; // or PLAIT_FORKSERVER
 *         options.arg_size = sizeof job;
 *         plait_task *task;
 *         int status = 0, rc = plait_start(&task, PLAIT_PROCESS, sum, &job, &options);
 *         return rc == 0 ? plait_join(task, &status, PLAIT_NEVER), status : rc;
 *     }
 *
 * A constructor that starts a process makes no bomb of processes: in a new image, until its
 * constructors are done, such a start is refused (-EBUSY). An image is not caught where libplait
 * itself was loaded by dlopen; in set-user-ID programs it is not, either, since their environment
 * is somebody else's: both are refused (-ENOTSUP). The fork server is after Python's
 * multiprocessing. Since 0.1. */
#ifndef PLAIT_SPAWN_H
#define PLAIT_SPAWN_H
#include <plait/macros.h>
#ifdef __cplusplus
extern "C" {
#endif

/* 0: by fork; in a pool: by the fork server. */
typedef enum plait_method { PLAIT_FORK = 1, PLAIT_SPAWN, PLAIT_FORKSERVER } plait_method;

/* Of setrlimit(2): RLIMIT_AS, RLIMIT_NOFILE ...; the soft and the hard one. */
struct plait_limit {
    int resource;
    uint64_t value;
};

/* What is changed in a child before its function runs; zeroes change nothing. What does not hold
 * (no such directory, a limit above the hard one) is the code of plait_start, which waits for
 * it. */
typedef struct plait_child_options {
    const char *directory;          /* its working directory */
    const char *const *environment; /* "NAME=value" ... NULL, instead of this program's */
    /* Stay open there, as 3, 4 ... in this order; at most 128. In a fork whatever had these numbers
     * is closed, and what else is open stays open */
    const int *descriptors;
    int descriptor_count;
    const void *cpus; /* a cpu_set_t or CPU_ALLOC's */
    size_t cpus_size;
    const struct plait_limit *limits;
    int limit_count, nice; /* nice: -20 .. 19, not 0 */
    bool new_group;        /* a process group of its own: the terminal's Ctrl-C is not for it */
    /* A daemon of Unix: no terminal, no parent, directory / unless said, 0, 1 and 2 are /dev/null;
     * outlives this program. The task ends with 0 as soon as the daemon runs */
    bool unix_daemon;
    PLAIT_OPTIONS(plait_child_options)
} plait_child_options;

/* A shared object that this process was given in .shared of its start.
 *   index    0: the first
 *   returns  the object, to be used and given back as if this process had opened it; in a fork the
 *            very pointer. NULL: there is none of this number, or it could not be opened
 *   errors   none
 *   blocks   never */
void *plait_inherited(int index);

/* Makes a function findable by name, for programs and libraries without a build-id
 * (-Wl,--build-id=none): write PLAIT_FUNCTION(work) below it. */
#define PLAIT_FUNCTION(function)                                                                   \
    __attribute__((constructor)) static void PLAIT_UNIQUE(register)(void)                          \
    {                                                                                              \
        plait_register(#function, (void (*)(void))(function));                                     \
    }

/* The same as a call; must be made in every image of the program, so before main.
 *   name     not copied; at most 63 bytes
 *   errors   none
 *   misuse   no name, no function, no memory
 *   blocks   never */
void plait_register(const char *name, void (*function)(void));

#ifdef __cplusplus
}
#endif
#endif
