/* wait_park and the loop around it: the only way to sleep in plait. The protocol is told in lot.c.
 */
#include "base/report.h"
#include "wait/held.h"
#include "wait/look.h"
#include "wait/lot.h"
#include "wait/self.h"
#include "wait/shared.h"

#include <errno.h>

void (*wait_turn)(void);
void (*wait_note_mirror)(const struct wait_self *self);
uint32_t wait_forks;
struct wait_self *wait_forker;

static inline int park_private(struct wait_self *self, struct lot_node *nodes, int count,
                               int64_t deadline)
{
    bool armed = wait_self_arm(self);
    int entered = armed ? lot_enter_all(self, nodes, count) : 0;
    if (armed && entered == count)
        self->carrier->sleep(self, deadline);
    /* What was fired up to now is ours to answer for. */
    uint32_t state = wait_self_disarm(self);
    lot_leave_all(nodes, entered, state);
    return wait_self_disarmed(self, state);
}

static int park(struct wait_self *self, const struct wait_word *words, int count, int64_t deadline)
{
    struct lot_node nodes[WAIT_WORDS_MOST];
    if (count && words[0].shared)
        return shared_park(self, words, count, deadline);
    lot_fill(nodes, words, count);
    return park_private(self, nodes, count, deadline);
}

int wait_park(const struct wait_word *words, int count, int64_t deadline)
{
    struct wait_self *self = wait_me();
    if (likely(deadline <= self->limit))
        return park(self, words, count, deadline);
    int rc = park(self, words, count, self->limit);
    if (rc == -ETIMEDOUT)
        self->cut = true; /* so that the block around can say why it ended */
    return rc;
}

static int park_nodes(struct wait_self *self, struct lot_node *nodes, int count, int shared,
                      int64_t deadline)
{
    return shared ? shared_park_nodes(self, nodes, count, shared, deadline)
                  : park_private(self, nodes, count, deadline);
}

int wait_park_nodes(struct lot_node *nodes, int count, int shared, int64_t deadline)
{
    struct wait_self *self = wait_me();
    if (likely(deadline <= self->limit))
        return park_nodes(self, nodes, count, shared, deadline);
    int rc = park_nodes(self, nodes, count, shared, self->limit);
    self->cut |= rc == -ETIMEDOUT;
    return rc;
}

void wait_nodes_done(const struct lot_node *nodes, int count, int shared)
{
    for (int i = count - shared; i < count; i++)
        shared_done(wait_me(), &(struct wait_word){.word = nodes[i].word}, 1);
}

static int park_onto(struct wait_self *self, struct lot_node *node, void (*leave)(void *object),
                     void *object, int64_t deadline)
{
    uint32_t *word = node->word;
    bool armed = wait_self_arm(self);
    int rc = armed ? lot_enter(node) : -EAGAIN;
    if (rc == 0) {
        leave(object);
        self->carrier->sleep(self, deadline);
    }
    uint32_t state = wait_self_disarm(self);
    if (rc != 0)
        return rc == -EXDEV ? rc : wait_self_disarmed(self, state);
    if (state != WAIT_WORD)
        lot_leave(node);
    return wait_self_disarmed(self, node->word == word ? state : WAIT_WORD);
}

int wait_park_onto(const struct wait_word *word, struct wait_onto *onto,
                   void (*leave)(void *object), void *object, int64_t deadline)
{
    struct wait_self *self = wait_me();
    struct lot_node node = {.word = word->word, .self = self, .onto = onto, .seen = word->seen};
    if (likely(deadline <= self->limit))
        return park_onto(self, &node, leave, object, deadline);
    int rc = park_onto(self, &node, leave, object, self->limit);
    self->cut |= rc == -ETIMEDOUT;
    return rc;
}

int wait_unpark(uint32_t *word, int count, bool shared)
{
    return shared ? shared_unpark(word, count) : wait_unpark_marking(word, count, 0, 0);
}

int wait_not_now(void)
{
    void (*turn)(void) = atom_load(&wait_turn, RELAXED);
    wait_pass_time();
    if (turn)
        turn();
    return -EAGAIN;
}

void wait_note_begin(struct wait_self *self, const struct wait_call *call, const void *shown,
                     void *place)
{
    atom_store(&self->note.type, call->type, RELAXED);
    atom_store(&self->note.object, shown, RELAXED);
    atom_store(&self->note.place, place, RELAXED);
    atom_store(&self->note.since, wait_now_coarse(), RELAXED);
    __atomic_store_n(&self->note.turn, self->note.turn + 1, __ATOMIC_RELAXED);
    __atomic_store_n(&self->note.moved, NULL, __ATOMIC_RELAXED);
    BASE_TRACE(call->verb, shown, 0);
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

/* Sleeps and tries until there is a result, the deadline, or a cancel. The try after a time-out or
 * a cancel is what keeps a wake from being swallowed: it may have come in the same instant. */
static int wait_loop(struct wait_self *self, const struct wait_call *call, void *object,
                     int64_t deadline)
{
    struct wait_word words[WAIT_WORDS_MOST];
    int rc, woke, parked = 0; /* the words of the last sleep */
    do {
        int count = call->words(object, words);
        if (count)
            parked = count;
        woke = count ? wait_park(words, count, deadline) : 0;
        rc = call->attempt(object);
        if (unlikely(woke == -EDEADLK) && rc == -EAGAIN)
            woke = wait_look.look(self);
    } while (rc == -EAGAIN && woke != -ETIMEDOUT && woke != -ECANCELED && woke != -EDEADLK);
    if (parked && unlikely(words[0].shared))
        shared_done(self, words, parked);
    if (rc == -EAGAIN)
        return woke;
    if (woke == -ECANCELED)
        wait_cancel_again(self); /* the next wait's */
    return rc;
}

int wait_until_tried(const struct wait_call *call, void *object, const void *shown,
                     int64_t deadline, void *place)
{
    struct wait_self *self = wait_me();
    wait_note_begin(self, call, shown, place);
    wait_look_begin(self, deadline);
    int rc = wait_loop(self, call, object, deadline);
    wait_note_end(self);
    return rc;
}

int wait_until(const struct wait_call *call, void *object, const void *shown, int64_t deadline,
               void *place)
{
    int rc = call->attempt(object);
    if (rc != -EAGAIN)
        return rc;
    return deadline == 0 ? wait_not_now() : wait_until_tried(call, object, shown, deadline, place);
}

int wait_until_done(const struct wait_call *call, void *object, const void *shown, void *place)
{
    struct wait_self *self = wait_me();
    int64_t limit = self->limit;
    self->limit = WAIT_NEVER;
    atom_store(&self->shield, self->shield + 1, RELAXED);
    int rc = wait_until(call, object, shown, WAIT_NEVER, place);
    atom_store(&self->shield, self->shield - 1, RELAXED);
    self->limit = limit;
    return rc;
}

static int change_attempt(void *object)
{
    const struct wait_word *word = object;
    return atom_load(word->word, ACQUIRE) == word->seen ? -EAGAIN : 0;
}

static int change_words(void *object, struct wait_word *words)
{
    words[0] = *(struct wait_word *)object;
    return 1;
}

int wait_for_change(uint32_t *word, uint32_t seen, int64_t deadline, void *place)
{
    static const struct wait_call call = {change_attempt, change_words, "end", "plait's threads"};
    struct wait_word one = {.word = word, .seen = seen};
    return wait_until(&call, &one, NULL, deadline, place);
}

void wait_after_fork(struct wait_self *self)
{
    lot_reset();
    shared_after_fork();
    wait_held_after_fork();
    self->state = WAIT_AWAKE;
    self->in_lot = 0;
    self->carrier = &wait_thread_carrier;
    self->later[0].word = NULL;
    wait_current = self;
    wait_forker = self;
    wait_forks++;
}
