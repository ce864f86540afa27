/* Sleeping on words that several processes share.
 *
 * Problem: a waker in another process knows the word, not the sleeper; and a cancel, which comes
 * from this process, knows the sleeper, not the word. Obvious idea: sleep on the word, and let a
 * cancel wake it. That wakes somebody else's sleeper as likely as ours, and a woken one who did
 * not need it must pass it on. Instead a thread sleeps on both at once, the shared words and its
 * own state word, so the carrier's rouse reaches it as it would anywhere. A coroutine lies in the
 * lot under the words' addresses, and its worker's ring sleeps in the kernel for it (ring.c), or
 * one helper thread per process for all of them (helper.c).
 *
 * No sleep lasts longer than the patrol's interval (R4): the kernel cannot tell that a stopped
 * process has swallowed a wake, nor that a thread died without its list being walked. So -EAGAIN
 * means "look again" and may mean nothing. */
#include "wait/shared.h"
#include "base/settings.h"
#include "os/os.h"
#include "wait/entry.h"
#include "wait/helper.h"
#include "wait/ring.h"
#include "wait/robust.h"
#include "wait/self.h"

#include <errno.h>

static int64_t patrol_end(int64_t deadline)
{
    int64_t patrol = base_settings()->patrol;
    if (!patrol)
        return deadline;
    int64_t end = wait_now() + patrol;
    return end < deadline ? end : deadline;
}

/* In the kernel, on the words and on our own state. Words beyond what it takes, and without
 * futex_waitv all but the first, and a cancel, are noticed at the patrol's next look. */
static int thread_wait(struct wait_self *self, const struct lot_node *nodes, int count, int64_t end)
{
    struct os_word all[OS_WAIT_ANY_MOST];
    int kept = count < OS_WAIT_ANY_MOST ? count : OS_WAIT_ANY_MOST - 1;
    for (int i = 0; i < kept; i++)
        all[i] = (struct os_word){nodes[i].word, nodes[i].seen, true};
    all[kept] = (struct os_word){&self->state, WAIT_ASLEEP, false};
    int woken = os_futex_wait_any(all, kept + 1, end);
    if (woken == -ENOSYS)
        woken = os_futex_wait(nodes[0].word, nodes[0].seen, true, end);
    return woken < kept ? woken : -EAGAIN;
}

/* Its look for a deadlock is due (look.h). The wait has no deadline then. */
static bool thread_looks(struct wait_self *self)
{
    if (!self->note.holders || self->note.due == WAIT_NEVER || wait_now() < self->note.due)
        return false;
    __atomic_store_n(&self->note.due, WAIT_NEVER, __ATOMIC_RELAXED);
    return true;
}

/* The private ones lie in the lot; who finds one there rouses the thread by its state. */
static int thread_park(struct wait_self *self, struct lot_node *nodes, int count, int shared,
                       int64_t deadline)
{
    int64_t end = self->note.holders && self->note.due < deadline ? self->note.due : deadline;
    uint32_t armed = WAIT_ARMED;
    int woken = -EAGAIN, private = count - shared;
    int entered = wait_self_arm(self) ? lot_enter_all(self, nodes, private) : -1;
    /* ACQ_REL pairs with who fires: it rouses only whom it saw ASLEEP. */
    if (entered == private && atom_cas(&self->state, &armed, WAIT_ASLEEP, ACQ_REL)) {
        atom_add(&wait_count_waits, 1, RELAXED);
        woken = thread_wait(self, nodes + private, shared, patrol_end(end));
    }
    uint32_t state = atom_swap(&self->state, WAIT_AWAKE, ACQ_REL);
    lot_leave_all(nodes, entered, state);
    if (woken >= 0 && state < WAIT_WORD) /* a result outranks a cancel, which stays due */
        state = WAIT_WORD + nodes[private + woken].index;
    else if (woken == -ETIMEDOUT && state == WAIT_ASLEEP && wait_now() >= deadline)
        state = WAIT_TIMEOUT;
    else if (woken == -ETIMEDOUT && state == WAIT_ASLEEP && thread_looks(self))
        state = WAIT_LOOK;
    return wait_self_disarmed(self, state);
}

/* True: somebody sleeps in the kernel for it. */
static bool coroutine_join(struct wait_self *self, const struct lot_node *node)
{
    struct wait_word word = {.word = node->word,
                             .seen = node->seen,
                             .shared = true,
                             .owned = node->owned,
                             .all = node->all,
                             .looks = node->looks};
    struct os_ring *ring =
        self->carrier->ring && os_has(OS_URING_FUTEX) ? self->carrier->ring(self) : NULL;
    return (ring && ring_join(ring, &word)) || helper_join(&word);
}

static int coroutine_park(struct wait_self *self, struct lot_node *nodes, int count, int shared,
                          int64_t deadline)
{
    struct lot_node *first = nodes + count - shared;
    int entered = wait_self_arm(self) ? lot_enter_all(self, nodes, count) : 0, helped = 0;
    if (entered == count) { /* not when a cancel is due: there is at least one word */
        while (!wait_deterministic && helped < shared && coroutine_join(self, &first[helped]))
            helped++;
        self->carrier->sleep(self, helped == shared ? deadline : patrol_end(deadline));
    }
    uint32_t state = atom_swap(&self->state, WAIT_AWAKE, ACQ_REL);
    while (helped > 0)
        entry_leave(first[--helped].word);
    lot_leave_all(nodes, entered, state);
    if (state == WAIT_TIMEOUT && wait_now() < deadline)
        state = WAIT_AWAKE; /* only the patrol */
    return wait_self_disarmed(self, state);
}

int shared_park_nodes(struct wait_self *self, struct lot_node *nodes, int count, int shared,
                      int64_t deadline)
{
    return self->carrier->is_coroutine ? coroutine_park(self, nodes, count, shared, deadline)
                                       : thread_park(self, nodes, count, shared, deadline);
}

int shared_park(struct wait_self *self, const struct wait_word *words, int count, int64_t deadline)
{
    struct lot_node nodes[WAIT_WORDS_MOST];
    lot_fill(nodes, words, count);
    if (!self->carrier->is_coroutine)
        return thread_park(self, nodes, count, count, deadline);
    /* Its cover is its thread's, on which others run meanwhile. If it is woken and the process
     * dies before it runs, patrol finds out. */
    uint32_t *covered = self->covered;
    wait_uncover();
    int woken = coroutine_park(self, nodes, count, count, deadline);
    if (covered)
        wait_cover(covered);
    return woken;
}

/* Deterministic mode has no helper, because a thread beside the worker would make the order one of
 * chance: coroutines are woken here, and those of others are found by the patrol. */
int shared_unpark(uint32_t *word, int count)
{
    int here = wait_deterministic ? wait_unpark_marking(word, count, 0, 0) : 0;
    if (here >= count)
        return here;
    int woken = os_futex_wake(word, count - here, true);
    if (woken > 0)
        atom_add(&wait_count_wakes, (uint64_t)woken, RELAXED);
    return here + (woken > 0 ? woken : 0);
}

void shared_done(struct wait_self *self, const struct wait_word *words, int count)
{
    for (int i = 0; i < count && self->carrier->is_coroutine; i++)
        entry_pass(words[i].word);
}

void shared_after_fork(void)
{
    helper_after_fork();
}
