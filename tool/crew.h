/* Some tasks of one carrier that run the same function: the one word that the parts of the tour
 * change. */
#ifndef TOOL_CREW_H
#define TOOL_CREW_H

#include <plait.h>

/* Carrier 0 is no carrier: one after the other, in the calling task. */
#define CREW_SEQUENCE ((plait_carrier)0)
enum { CREW_CARRIERS = 4 };

/* "sequence", "threads" ... */
const char *crew_name(plait_carrier carrier);

struct crew {
    plait_carrier carrier;
    int count;
    plait_function *function;
    char *arguments; /* `size` bytes for each task; 0: all get `arguments` itself */
    size_t size;
};

/* Runs them and waits for all. 0; a start's negative code; or the first status that was not 0. */
int crew_run(const struct crew *crew);

/* What this process and its children that have ended used since a start. */
struct crew_clock {
    int64_t time, cpu;
    int64_t disk; /* bytes read from a disk, because what waits for one measures nothing else */
};
struct crew_clock crew_clock_start(void);
struct crew_clock crew_clock_since(struct crew_clock start);

#endif
