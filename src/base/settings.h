/* What plait_configure and the PLAIT_* variables decided, read once. */
#ifndef BASE_SETTINGS_H
#define BASE_SETTINGS_H

#include <plait/error.h>

struct base_settings {
    int workers;        /* PLAIT_WORKERS, 1 .. 256; default os_cpus() */
    /* PLAIT_SPARE_WORKERS: how many more when workers are stuck; default and most 64 */
    int spare_workers;
    /* PLAIT_STACK, bytes of address space of a coroutine; default 256 KB, at least
     * 16 KB, rounded up as base_stack_take does */
    size_t stack;
    const char *poller; /* PLAIT_POLLER: "epoll" */
    const char *deadlock; /* PLAIT_DEADLOCK: "report", "error", "abort"; NULL when not said */
    int dump_signal;      /* of plait_configure only; 0: none */
    bool check;         /* PLAIT_CHECK */
    bool strict_fork;   /* PLAIT_STRICT_FORK */
    bool deterministic; /* PLAIT_SEED is set (0 is a seed too) */
    uint64_t seed;      /* PLAIT_SEED */
    int64_t patrol;     /* PLAIT_PATROL in ms, default 20 ms; 0: none (measurements only) */
};

/* The settings; reads the environment at the first call, after which plait_configure says -EBUSY.
 * Nonsense in a variable is one line on stderr that names it, what it may be, and the default
 * taken. */
const struct base_settings *base_settings(void);

#endif
