/* A planted fault and its clean twin in one program, so that both are built from the same lines:
 * "fault" as its argument makes the difference, and nothing else does. */
#ifndef PLANTED_H
#define PLANTED_H

#include <plait.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The frames that a report must name: never inlined. */
#define PLANTED_FRAME __attribute__((noinline))

static inline bool planted(int count, char **words)
{
    return count == 2 && strcmp(words[1], "fault") == 0;
}

static inline void must(int rc)
{
    if (rc != 0) {
        fprintf(stderr, "planted: %s\n", plait_strerror(rc));
        exit(3);
    }
}

#endif
