/* What plait_configure and the PLAIT_* variables decided, read once. */
#ifndef BASE_SETTINGS_H
#define BASE_SETTINGS_H

#include <plait/error.h>

/* workers        PLAIT_WORKERS, 1 .. 256; default os_cpus(); always 1 when deterministic
 * spare_workers  PLAIT_SPARE_WORKERS, 0 .. 64: how many more when workers are stuck; default 64
 * stack          PLAIT_STACK, bytes of address space of a coroutine, 16 KB .. 1 GB; default 256 KB;
 *                rounded up as base_stack_take does, so that workers can compare sizes
 * poller         PLAIT_POLLER: "epoll"
 * deadlock       PLAIT_DEADLOCK: "report", "error", "abort"; NULL when not said
 * deadlock_after PLAIT_DEADLOCK_AFTER in seconds, as 0.5; here in ns; default 1 s; 0: nobody looks
 * dump_signal    PLAIT_DUMP_SIGNAL, 1 .. 64; 0: none
 * check          PLAIT_CHECK: 0 or 1; default 0, in debug builds of plait 1
 * strict_fork    PLAIT_STRICT_FORK: 0 or 1
 * deterministic  PLAIT_SEED is set: 0 is a seed too
 * patrol         PLAIT_PATROL in ms, here in ns; default 20 ms; 0: none, for measurements only */
#ifdef PLAIT_CHECKED /* a debug build of plait */
enum { BASE_CHECK_DEFAULT = 1 };
#else
enum { BASE_CHECK_DEFAULT = 0 };
#endif

struct base_settings {
    int workers, spare_workers;
    size_t stack;
    const char *poller, *deadlock;
    int dump_signal;
    bool check, strict_fork, deterministic;
    uint64_t seed;
    int64_t patrol, deadlock_after;
};

/* The settings; reads the environment at the first call, after which plait_configure says -EBUSY.
 * Nonsense in a variable is one line on stderr that names it, what it may be, and the default
 * taken. */
const struct base_settings *base_settings(void);

#endif
