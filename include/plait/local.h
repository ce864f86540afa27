/* plait/local.h - a value of its own for each task. Include <plait.h>. */
#ifndef PLAIT_LOCAL_H
#define PLAIT_LOCAL_H
#include <plait/macros.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct plait_local {
    void (*destroy)(void *value);
    void *(*inherit)(void *value);
    uint64_t own;
} plait_local;

void *plait_local_get(plait_local *local);
int plait_local_set(plait_local *local, void *value);

#ifdef __cplusplus
}
#endif
#endif
