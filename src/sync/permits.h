/* What permits consist of. */
#ifndef SYNC_PERMITS_H
#define SYNC_PERMITS_H

#include "share/area.h"
#include "wait/robust.h"

#include <plait/permits.h>

enum { PERMITS_MOST = 120 };

/* In the area; what it holds is believed by nobody. `front`'s room is, as in shared_semaphore.c:
 *   z      bit 31 W: somebody may sleep on it; bits 30..0 zero
 *   state  bit 0 S: units are put by for the front
 * Each unit's word is free with its lower 30 bits zero: D then says that its last holder died.
 * Held: TID | W, always with W, so that the kernel wakes whoever listens. */
struct permits_memory {
    struct robust_word front;
    uint64_t units, room[7];
    struct robust_word unit[PERMITS_MOST];
};

struct plait_permits {
    uint64_t magic; /* PERMITS_MAGIC, or of a private one PERMITS_PRIVATE + wait_forks */
    struct share_area *area;
    struct permits_memory *memory;
    int units;
    void (*on_death)(int units, void *arg);
    void *arg;
};
#define PERMITS_MAGIC UINT64_C(0x73746d7265507c01)
#define PERMITS_PRIVATE UINT64_C(0x73746d7200000000)

/* What stands for the task that holds a unit: not the task's own number, since what it holds at its
 * end comes back instead of being misuse. */
static inline uint64_t permits_holder(const struct wait_self *self)
{
    return (uint64_t)(uintptr_t)self | ROBUST_COMES_BACK;
}

/* Stops the program with a message unless these are permits of this process. */
void permits_check(const struct plait_permits *permits, void *place);

#endif
