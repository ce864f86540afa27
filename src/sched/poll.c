/* Descriptors: each worker has its own poller, in which it also rests; threads use the watcher's.
 *
 * Problem: what a poller tells may come late. The descriptor was closed and its file lives on under
 * another number, or the wait ended while another thread had the news in its hands. Obvious idea:
 * the poller tells a record on the sleeper's stack. Then late news is written into whatever lies
 * there now. Instead it tells the sleeper's own state, whose memory is never given back: a word in
 * it grows, the sleeper is woken, and asks the descriptor itself. Late news is one look in vain.
 *
 *   1. sleeper: asks the descriptor; reads `told`
 *   2. sleeper: registers, once, for what it waits for; the poller tells at once what is so already
 *   3. sleeper: sleeps while `told` is as it was at 1
 *   4. poller: told + 1, unparks whoever sleeps on it
 *   5. sleeper: takes the descriptor out; back to 1
 * Nothing is missed: what comes before 2 is told by 2, and 4 changes what 3 compares. */
#include "os/os.h"
#include "sched/worker.h"
#include "wait/ring.h"

#include <errno.h>

void poll_tell(struct wait_self *self)
{
    atom_add(&self->told, 1, SEQ_CST);
    wait_unpark(&self->told, INT32_MAX, false);
}

/* The tag of the worker's ring, which is no address of a wait_self. */
enum { TAG_RING = 1 };

static void ring_open(struct sched_worker *worker)
{
    int rc = os_ring_open(&worker->ring);
    if (rc == 0)
        rc = os_poller_add(worker->poller, worker->ring.descriptor, OS_READABLE, TAG_RING);
    if (rc < 0)
        os_ring_close(&worker->ring);
    /* pairs with worker_ring, which the watcher calls */
    atom_store(&worker->has_ring, rc < 0 ? RING_REFUSED : RING_OPEN, RELEASE);
}

struct os_ring *co_ring(struct wait_self *self)
{
    struct sched_worker *worker = sched_here;
    if (unlikely(worker->has_ring == RING_UNTRIED))
        ring_open(worker);
    return worker->has_ring == RING_OPEN ? &worker->ring : NULL;
}

int64_t worker_ring(struct sched_worker *worker)
{
    if (likely(!ring_is_needed() || atom_load(&worker->has_ring, ACQUIRE) != RING_OPEN))
        return WAIT_NEVER;
    /* The watcher asks with the ring's lock held, since quiesce may close it meanwhile. */
    if (sched_here != worker || os_ring_has_news(&worker->ring))
        ring_reap(&worker->ring);
    return ring_patrol(wait_now());
}

int worker_poll(struct sched_worker *worker, int64_t deadline)
{
    struct os_ready ready[64];
    int count = os_poller_wait(worker->poller, ready, 64, deadline);
    atom_add(&worker->polls, 1, RELAXED); /* the watcher looks for a stuck worker */
    for (int i = 0; i < count; i++)
        if (ready[i].tag == TAG_RING)
            ring_reap(&worker->ring);
        else if (ready[i].tag)
            poll_tell((struct wait_self *)(uintptr_t)ready[i].tag);
        else
            os_event_drain(worker->bell);
    return count;
}

/* A poller knows each number once, so the second one that waits for a descriptor there does so by a
 * number of its own: otherwise it would take the first one's place. Gives the number that was
 * registered. */
int poll_register(int poller, int descriptor, uint32_t events, uint64_t tag)
{
    int rc = os_poller_add(poller, descriptor, events | OS_ONCE, tag);
    if (rc == 0 || rc != -EEXIST)
        return rc < 0 ? rc : descriptor;
    int own = os_dup(descriptor);
    if (own < 0)
        return own;
    rc = os_poller_add(poller, own, events | OS_ONCE, tag);
    if (rc < 0)
        os_close(own);
    return rc < 0 ? rc : own;
}

void poll_withdraw(int poller, int descriptor, int registered)
{
    os_poller_remove(poller, registered);
    if (registered != descriptor)
        os_close(registered);
}
