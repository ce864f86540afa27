/* Deadlines of sleeping coroutines: a heap a worker. The record lies in the coroutine, so a sleep
 * allocates nothing and a million sleepers are a million heap items. The lock is there because the
 * watcher serves the timers of a stuck worker, and a movable coroutine may wake elsewhere; it is
 * free otherwise. */
#include "sched/worker.h"

static void timer_note_first(struct sched_worker *worker)
{
    struct heap_item *first = heap_first(&worker->timers);
    atom_store(&worker->next_timer, first ? first->key : WAIT_NEVER, RELAXED);
}

void timer_add(struct sched_worker *worker, struct sched_co *co, int64_t deadline)
{
    co->timer.key = deadline;
    co->timer_home = worker;
    base_spin_lock(&worker->timer_lock);
    heap_insert(&worker->timers, &co->timer);
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

/* Ends the waits whose deadline has come. Fires under the lock, otherwise the coroutine could wake
 * by itself, end, and its record be another's. */
void timer_run(struct sched_worker *worker, int64_t now)
{
    if (atom_load(&worker->next_timer, RELAXED) > now)
        return;
    base_spin_lock(&worker->timer_lock);
    for (struct heap_item *first; (first = heap_first(&worker->timers)) && first->key <= now;) {
        heap_remove(&worker->timers, first);
        wait_fire(&list_item(first, struct sched_co, timer)->self, WAIT_TIMEOUT);
    }
    timer_note_first(worker);
    base_spin_unlock(&worker->timer_lock);
}
