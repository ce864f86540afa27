/* notes.h - what the notes' examples share: the carrier from the command line, and time as the
 * notes count it.
 *
 *     ./join_all thread            the same program on threads
 *     SCALE=10 ./join_all          each of the notes' seconds lasts a tenth, since a child process
 *                                  sleeps in real time
 *     PLAIT_SEED=1 ./join_all thread     virtual time: done at once, and the same order each
 *                                        time */
#ifndef NOTES_H
#define NOTES_H

#include <errno.h>
#include <plait.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int64_t began, second = PLAIT_SECOND;

/* The first line of each main: which carrier to use; `own` is the note's. */
static inline plait_carrier begin(int argc, char **argv, plait_carrier own)
{
    const char *scale = getenv("SCALE");
    if (scale != NULL && atoi(scale) > 0)
        second = PLAIT_SECOND / atoi(scale);
    setvbuf(stdout, NULL, _IOLBF, 0); /* otherwise the lines of several processes could mix */
    began = plait_now();
    if (argc < 2)
        return own;
    if (strcmp(argv[1], "process") == 0)
        return PLAIT_PROCESS;
    return strcmp(argv[1], "thread") == 0 ? PLAIT_THREAD : PLAIT_COROUTINE;
}

/* Where an object must lie for tasks of this carrier. */
static inline plait_where where(plait_carrier carrier)
{
    return carrier == PLAIT_PROCESS ? PLAIT_SHARED : PLAIT_PRIVATE;
}

/* Whole seconds since the program began. */
static inline int now(void)
{
    return (int)((plait_now() - began) / second);
}

/* The deadline so many seconds from now. */
static inline int64_t in(double seconds)
{
    return plait_after((int64_t)(seconds * (double)second));
}

/* A code as the manual writes it. */
static inline const char *code(int rc)
{
    switch (rc) {
    case 0:
        return "0";
    case -EAGAIN:
        return "-EAGAIN";
    case -ETIMEDOUT:
        return "-ETIMEDOUT";
    case -ECANCELED:
        return "-ECANCELED";
    case -EOWNERDEAD:
        return "-EOWNERDEAD";
    case -EINVAL:
        return "-EINVAL";
    case -EDEADLK:
        return "-EDEADLK";
    case -ENOTSUP:
        return "-ENOTSUP";
    case -EPIPE:
        return "-EPIPE";
    case PLAIT_KILLED(SIGTERM):
        return "PLAIT_KILLED(SIGTERM)";
    case PLAIT_KILLED(SIGKILL):
        return "PLAIT_KILLED(SIGKILL)";
    default:
        return plait_strerror(rc);
    }
}

#endif
