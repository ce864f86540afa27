/* plait/lock.h - one at a time. Include <plait.h>. */
#ifndef PLAIT_LOCK_H
#define PLAIT_LOCK_H
#include <plait/macros.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct plait_lock {
    uint64_t own[8];
} plait_lock;

void plait_lock_init(plait_lock *lock, plait_where where);
PLAIT_MUST_USE int plait_lock_acquire(plait_lock *lock, int64_t deadline);
void plait_lock_release(plait_lock *lock);
bool plait_lock_is_held(const plait_lock *lock);
void plait_lock_on_death(plait_lock *lock, void (*repair)(void *arg), void *arg);
void plait_lock_mend(plait_lock *lock);

typedef struct plait_held {
    void *object;
    void (*release)(void *object);
} plait_held;
plait_held plait_lock_hold(plait_lock *lock);
void plait_held_end(plait_held *held);

#define PLAIT_WITH(held, hold)                                                                     \
    for (plait_held held PLAIT_CLEANUP(plait_held_end) = hold; held.object; plait_held_end(&held))
#define plait_with(lock) PLAIT_WITH(PLAIT_UNIQUE(held), PLAIT_HOLD(lock))
#ifdef __cplusplus
extern "C++" inline plait_held plait_hold(plait_lock *lock) { return plait_lock_hold(lock); }
#define PLAIT_HOLD(lock) plait_hold(lock)
#else
#define PLAIT_HOLD(lock) _Generic((lock), plait_lock *: plait_lock_hold)(lock)
#endif

#ifdef __cplusplus
}
#endif
#endif
