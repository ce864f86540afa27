/* plait/error.h - codes, their texts, names of objects, settings. Include <plait.h>. */
#ifndef PLAIT_ERROR_H
#define PLAIT_ERROR_H
#include <plait/macros.h>
#ifdef __cplusplus
extern "C" {
#endif

#define PLAIT_VERSION "0.1.0"
#define PLAIT_VERSION_NUMBER 100

enum { PLAIT_EFAILED = 5000, PLAIT_EFUNCTION, PLAIT_EFORMAT };
#define PLAIT_KILLED(signal) (-5100 - (signal))
#define PLAIT_EXITED(status) (-5300 - (status))

static inline int plait_killed_by(int status)
{
    return status < -5100 && status > -5200 ? -5100 - status : 0;
}

const char *plait_strerror(int code);
void plait_name(const void *object, const char *name);

typedef struct plait_settings {
    int workers, spare_workers, dump_signal;
    size_t stack;
    const char *poller, *deadlock;
    bool check, strict_fork;
    uint64_t seed;
    PLAIT_OPTIONS(plait_settings)
} plait_settings;

int plait_configure(const plait_settings *settings);
const char *plait_version(void);

#ifdef __cplusplus
}
#endif
#endif
