/* plait/share.h - memory that child processes see too. Include <plait.h>. */
#ifndef PLAIT_SHARE_H
#define PLAIT_SHARE_H
#include <plait/macros.h>
#ifdef __cplusplus
extern "C" {
#endif

void *plait_share(size_t size);
void plait_share_free(void *memory);

#ifdef __cplusplus
}
#endif
#endif
