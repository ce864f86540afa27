/* wait_park and the loop around it: the only way to sleep in plait. The protocol is told in lot.c.
 *
 * Cancel is a flag and a fired state. The canceller sets the flag, then fires; the sleeper arms, then reads the flag. Both pairs are
 * SEQ_CST, so at least one of them sees the other: a cancel between the look and the sleep is never missed. The flag stays until a wait has returned
 * -ECANCELED, so a wait that had its result in the same instant returns the result and the next one is cancelled. */
#include "base/report.h"
#include "wait/lot.h"
#include "wait/shared.h"

#include <errno.h>

enum { CANCEL_PENDING = 1, CANCEL_TOLD = 2 };

#ifdef PLAIT_EXPLORE
struct wait_self *wait_current;
#else
__thread struct wait_self *wait_current __attribute__((tls_model("initial-exec")));
#endif
struct wait_self *(*wait_adopt)(void);
void (*wait_turn)(void);
void (*wait_note_mirror)(const struct wait_self *self);
void (*wait_interrupted)(struct wait_self *self);
uint32_t wait_forks;
struct wait_self *wait_forker;

void wait_self_init(struct wait_self *self, const struct wait_carrier *carrier)
{
    *self = (struct wait_self){.carrier = carrier, .limit = WAIT_NEVER};
    self->random = (uint32_t)((uintptr_t)self >> 6) * 2654435761u | 1;
}

static bool cancel_is_due(const struct wait_self *self)
{
    return atom_load(&self->cancel, SEQ_CST) & CANCEL_PENDING && !self->shield;
}

static int cancel_take(struct wait_self *self)
{
    atom_or(&self->cancel, CANCEL_TOLD, RELAXED);
    atom_and(&self->cancel, ~(uint32_t)CANCEL_PENDING, RELAXED);
    return -ECANCELED;
}

/* Queues one node a word; how many were queued before a word was found changed. */
static int nodes_enter(struct wait_self *self, struct lot_node *nodes,
                       const struct wait_word *words, int count)
{
    for (int i = 0; i < count; i++) {
        nodes[i] = (struct lot_node){.word = words[i].word, .self = self, .index = i};
        if (!lot_enter(&nodes[i], words[i].seen))
            return i;
    }
    return count;
}

/* What the wait came to, once nobody can fire it any more. */
int wait_park_end(struct wait_self *self, uint32_t state)
{
    if (unlikely(wait_interrupted != NULL))
        wait_interrupted(self);
    if (state >= WAIT_WORD)
        return (int)(state - WAIT_WORD);
    if (cancel_is_due(self))
        return cancel_take(self); /* outranks the time-out */
    return state == WAIT_TIMEOUT ? -ETIMEDOUT : -EAGAIN;
}

int wait_park(const struct wait_word *words, int count, int64_t deadline)
{
    struct wait_self *self = wait_me();
    struct lot_node nodes[WAIT_WORDS_MOST];
    if (deadline > self->limit)
        deadline = self->limit;
    if (count && words[0].shared)
        return shared_park(self, words, count, deadline);
    atom_store(&self->state, WAIT_ARMED, SEQ_CST);
    int entered = cancel_is_due(self) ? 0 : nodes_enter(self, nodes, words, count);
    if (entered == count && !cancel_is_due(self))
        self->carrier->sleep(self, deadline);
    /* Nobody fires from here on: what was fired up to now is ours to answer for. */
    uint32_t state = atom_swap(&self->state, WAIT_AWAKE, ACQ_REL);
    for (int i = 0; i < entered; i++)
        if (state != WAIT_WORD + (uint32_t)i)
            lot_leave(&nodes[i]);
    return wait_park_end(self, state);
}

bool wait_park_begin(struct wait_self *self)
{
    atom_store(&self->state, WAIT_ARMED, SEQ_CST);
    return !cancel_is_due(self);
}

bool wait_fire(struct wait_self *self, uint32_t outcome)
{
    uint32_t seen = atom_load(&self->state, SEQ_CST);
    while (seen == WAIT_ARMED || seen == WAIT_ASLEEP)
        if (atom_cas(&self->state, &seen, outcome, ACQ_REL)) {
            if (seen == WAIT_ASLEEP)
                self->carrier->rouse(self);
            return true;
        }
    return false;
}

void wait_cancel(struct wait_self *self)
{
    atom_or(&self->cancel, CANCEL_PENDING, SEQ_CST);
    if (!atom_load(&self->shield, RELAXED))
        wait_fire(self, WAIT_CANCEL);
}

bool wait_was_canceled(const struct wait_self *self)
{
    return atom_load(&self->cancel, ACQUIRE) != 0;
}

int wait_unpark(uint32_t *word, int count, bool shared)
{
    return shared ? shared_unpark(word, count) : wait_unpark_marking(word, count, 0, 0);
}

int wait_not_now(void)
{
    if (wait_turn)
        wait_turn();
    return -EAGAIN;
}

void wait_note_begin(struct wait_self *self, const struct wait_call *call, const void *shown,
                     void *place)
{
    self->note.type = call->type;
    self->note.object = shown;
    self->note.place = place;
    self->note.since = wait_now();
    atom_store(&self->note.verb, call->verb, RELEASE);
    if (unlikely(wait_note_mirror != NULL))
        wait_note_mirror(self);
}

void wait_note_end(struct wait_self *self)
{
    atom_store(&self->note.verb, NULL, RELEASE);
    if (unlikely(wait_note_mirror != NULL))
        wait_note_mirror(self);
}

/* Sleeps and tries until there is a result, the deadline, or a cancel. The try after a time-out or a cancel is what keeps a wake from being
 * swallowed: it may have come in the same instant. */
static int wait_loop(struct wait_self *self, const struct wait_call *call, void *object,
                     int64_t deadline)
{
    for (;;) {
        struct wait_word words[WAIT_WORDS_MOST];
        int count = call->words(object, words);
        int woke = count ? wait_park(words, count, deadline) : 0;
        int rc = call->attempt(object);
        if (rc != -EAGAIN) {
            if (woke == -ECANCELED)
                atom_or(&self->cancel, CANCEL_PENDING, SEQ_CST); /* the next wait's */
            return rc;
        }
        if (woke == -ETIMEDOUT || woke == -ECANCELED)
            return woke;
    }
}

int wait_until(const struct wait_call *call, void *object, const void *shown, int64_t deadline,
               void *place)
{
    int rc = call->attempt(object);
    if (rc != -EAGAIN)
        return rc;
    if (deadline == 0)
        return wait_not_now();
    struct wait_self *self = wait_me();
    wait_note_begin(self, call, shown, place);
    rc = wait_loop(self, call, object, deadline);
    wait_note_end(self);
    return rc;
}

int wait_until_done(const struct wait_call *call, void *object, const void *shown, void *place)
{
    struct wait_self *self = wait_me();
    int64_t limit = self->limit;
    self->limit = WAIT_NEVER;
    self->shield++;
    int rc = wait_until(call, object, shown, WAIT_NEVER, place);
    self->shield--;
    self->limit = limit;
    return rc;
}

void wait_after_fork(struct wait_self *self)
{
    lot_reset();
    self->state = WAIT_AWAKE;
    self->in_lot = 0;
    self->carrier = &wait_thread_carrier;
    self->later[0].word = NULL;
    wait_current = self;
    wait_forker = self;
    wait_forks++;
}
