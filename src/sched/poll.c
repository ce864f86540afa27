/* Descriptors: each worker has its own poller, in which it also rests. */
#include "os/os.h"
#include "sched/worker.h"

#include <errno.h>

/* A coroutine that waits for a descriptor; on its stack. */
struct poll_wait {
    uint32_t word; /* 0 not yet, else what is ready */
};

int worker_poll(struct sched_worker *worker, int64_t deadline)
{
    struct os_ready ready[64];
    int count = os_poller_wait(worker->poller, ready, 64, deadline);
    atom_add(&worker->polls, 1, RELAXED); /* the watcher looks for a stuck worker */
    for (int i = 0; i < count; i++) {
        struct poll_wait *wait = (struct poll_wait *)(uintptr_t)ready[i].tag;
        if (!wait) {
            os_event_drain(worker->bell);
            continue;
        }
        atom_store(&wait->word, ready[i].events, RELEASE);
        wait_unpark(&wait->word, 1, false);
    }
    return count;
}

/* A poller knows each number once, so the second coroutine that waits for a descriptor on this worker
 * does so by a number of its own: otherwise it would take the first one's place. Gives the number
 * that was registered. */
static int poll_register(int poller, int descriptor, uint32_t events, struct poll_wait *wait)
{
    int rc = os_poller_add(poller, descriptor, events | OS_ONCE, (uintptr_t)wait);
    if (rc == 0 || rc != -EEXIST)
        return rc < 0 ? rc : descriptor;
    int own = os_dup(descriptor);
    if (own < 0)
        return own;
    rc = os_poller_add(poller, own, events | OS_ONCE, (uintptr_t)wait);
    if (rc < 0)
        os_close(own);
    return rc < 0 ? rc : own;
}

/* Registered once and taken out again: the record lies on this stack, and the poller must not tell
 * of it later. */
int sched_poll(int descriptor, uint32_t events, int64_t deadline)
{
    static const struct wait_call polling = {.verb = "wait for", .type = "descriptor"};
    struct sched_co *co = sched_current();
    struct poll_wait wait = {0};
    if (!co)
        return -ENOTSUP;
    struct sched_worker *home = co->worker;
    int rc, registered = poll_register(home->poller, descriptor, events, &wait);
    if (registered < 0)
        return registered;
    atom_add(&home->polled, 1, RELAXED);
    struct wait_word word = {&wait.word, 0, false};
    wait_note_begin(&co->self, &polling, NULL, __builtin_return_address(0));
    while ((rc = wait_park(&word, 1, deadline)) >= 0 && !atom_load(&wait.word, ACQUIRE))
        ;
    wait_note_end(&co->self);
    os_poller_remove(home->poller, registered);
    if (registered != descriptor)
        os_close(registered);
    atom_sub(&home->polled, 1, RELAXED);
    uint32_t ready = atom_load(&wait.word, ACQUIRE);
    return ready ? (int)ready : rc;
}
