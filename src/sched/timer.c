/* Deadlines of sleeping coroutines: a heap a worker. The record lies in the coroutine, so a sleep
 * allocates nothing and a million sleepers are a million heap items. The lock is there because the
 * watcher serves the timers of a stuck worker, and a movable coroutine may wake elsewhere; it is
 * free otherwise. */
#include "sched/worker.h"

static void timer_note_first(struct sched_worker *worker)
{
    struct heap_item *first = heap_first(&worker->timers);
    int64_t next = worker->wheel.next;
    atom_store(&worker->next_timer, first && first->key < next ? first->key : next, RELAXED);
}

/* ---- the wheel. A heap alone is not enough: its items lie on the sleepers' stacks, so with
 *  100,000 of them each comparison waits for memory. What is due later than this millisecond and
 *  within 2 s is only put on its bucket's list, and comes into the heap when its millisecond does:
 *  then the heap is small. An item on such a list is to the heap one that has brothers and no
 *  children, so heap_remove takes it out of either. */

static void bucket_put(struct timer_wheel *wheel, struct heap_item *item)
{
    unsigned number = (unsigned)(item->key >> TIMER_SHIFT) % TIMER_BUCKETS;
    struct timer_bucket *bucket = &wheel->buckets[number];
    if (!bucket->first || item->key < bucket->earliest)
        bucket->earliest = item->key;
    item->child = NULL;
    item->next = bucket->first;
    item->owner = &bucket->first;
    if (bucket->first)
        bucket->first->owner = &item->next;
    bucket->first = item;
    wheel->used[number / 64] |= UINT64_C(1) << number % 64;
    if (item->key < wheel->next)
        wheel->next = item->key;
}

/* The first bucket behind `at` that has timers, found by the bits; -1: none. */
static int64_t wheel_first(struct timer_wheel *wheel)
{
    for (int64_t index = wheel->at + 1, end = wheel->at + TIMER_BUCKETS; index <= end;) {
        unsigned number = (unsigned)index % TIMER_BUCKETS;
        uint64_t rest = wheel->used[number / 64] >> number % 64;
        if (!rest) {
            index += 64 - number % 64;
            continue;
        }
        index += __builtin_ctzll(rest);
        number = (unsigned)index % TIMER_BUCKETS;
        if (wheel->buckets[number].first)
            return index;
        wheel->used[number / 64] &= ~(UINT64_C(1) << number % 64);
    }
    return -1;
}

/* How many. */
static uint32_t bucket_pour(struct sched_worker *worker, struct timer_bucket *bucket)
{
    struct heap_item *item = bucket->first;
    uint32_t count = 0;
    bucket->first = NULL;
    for (struct heap_item *next; item; item = next, count++) {
        next = item->next;
        heap_put(&worker->timers, item);
    }
    return count;
}

/* All buckets up to the present one into the heap. */
static void wheel_turn(struct sched_worker *worker, int64_t now)
{
    struct timer_wheel *wheel = &worker->wheel;
    int64_t index;
    uint32_t count = 0;
    while ((index = wheel_first(wheel)) >= 0 && index <= now >> TIMER_SHIFT)
        count = bucket_pour(worker, &wheel->buckets[index % TIMER_BUCKETS]);
    wheel->crowded = count >= TIMER_CROWD;
    wheel->at = now >> TIMER_SHIFT;
    wheel->next = index < 0 ? WAIT_NEVER : wheel->buckets[index % TIMER_BUCKETS].earliest;
}

void timer_add(struct sched_worker *worker, struct sched_co *co, int64_t deadline)
{
    struct timer_wheel *wheel = &worker->wheel;
    co->timer.key = deadline;
    co->timer_home = worker;
    base_spin_lock(&worker->timer_lock);
    if (wheel->next == WAIT_NEVER)
        wheel->at = wait_now() >> TIMER_SHIFT;
    int64_t ahead = (deadline >> TIMER_SHIFT) - wheel->at;
    co->timer.order = worker->timers.inserted++;
    if (ahead > 0 && ahead < TIMER_BUCKETS)
        bucket_put(wheel, &co->timer);
    else
        heap_put(&worker->timers, &co->timer);
    timer_note_first(worker);
    base_spin_unlock(&worker->timer_lock);
}

/* Fired timers are out already; the lock is taken all the same, because the firing may still be
 * under way on another thread. */
void timer_remove(struct sched_co *co)
{
    struct sched_worker *home = co->timer_home;
    base_spin_lock(&home->timer_lock);
    if (heap_holds(&co->timer)) {
        heap_remove(&home->timers, &co->timer);
        timer_note_first(home);
    }
    base_spin_unlock(&home->timer_lock);
    co->timer_home = NULL;
}

/* Until when a worker with nothing to run may sleep. Of a crowd each would otherwise end a sleep of
 * a few microseconds, which on a virtual machine costs more CPU than all the rest: they are served
 * together, at the end of their millisecond. */
int64_t timer_rest(struct sched_worker *worker)
{
    int64_t next = atom_load(&worker->next_timer, RELAXED);
    if (next == WAIT_NEVER)
        return next;
    base_spin_lock(&worker->timer_lock);
    int64_t end = worker->wheel.crowded ? (worker->wheel.at + 1) << TIMER_SHIFT : 0;
    base_spin_unlock(&worker->timer_lock);
    return next < end ? end : next;
}

/* Ends the waits whose deadline has come. Fires under the lock, otherwise the coroutine could wake
 * by itself, end, and its record be another's. */
void timer_run(struct sched_worker *worker, int64_t now)
{
    if (atom_load(&worker->next_timer, RELAXED) > now)
        return;
    base_spin_lock(&worker->timer_lock);
    if (worker->wheel.next <= now)
        wheel_turn(worker, now);
    for (struct heap_item *first; (first = heap_first(&worker->timers)) && first->key <= now;) {
        heap_remove(&worker->timers, first);
        wait_fire(&list_item(first, struct sched_co, timer)->self, WAIT_TIMEOUT);
    }
    timer_note_first(worker);
    base_spin_unlock(&worker->timer_lock);
}
