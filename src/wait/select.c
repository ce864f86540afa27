/* plait_select: one of several things, whichever can be done first.
 *
 * Problem: wait for any of n objects, take exactly one, lose no wake of the others. Obvious idea:
 * lock all the objects in an order by address, look, queue a record at each, unlock (Go). Then a
 * select of 256 cases sorts and locks 256 objects, and a lock-free queue needs a lock for the sake
 * of select. Instead each object is asked by its own attempt, as any other call would, and what
 * makes the choice exclusive is the sleeper's own state word: it is fired once (wait.h), by the
 * first object that has something. A waker whose sleeper was fired before takes the next one
 * (lot.c).
 *
 * Protocol: the five steps of case.h. No wake is lost: each case sleeps on its word as it was when
 * it was announced, so whatever comes between 2 and 3 is seen by the lot; and a wake that was used
 * up (4, 5) is either used or was for nothing. */
#include "base/report.h"
#include "base/settings.h"
#include "wait/case.h"
#include "wait/lot.h"

#include <errno.h>
#include <string.h>

enum { SLEEP_ROOM = 8 << 10 }; /* bytes that the calls under the records need */

struct select {
    plait_case *cases;
    int count;
    struct wait_self *self;
    uint16_t *order; /* room for a permutation */
    int announced;   /* cases before this one are */
    int slept;       /* nodes of the last sleep, the last `shared` of them on shared words */
    int shared;
};

static int time_attempt(plait_case *one)
{
    return wait_now() >= one->number ? 0 : -EAGAIN;
}

/* No word: select sleeps until the first time among its cases. */
static const struct plait_case_kind time_kind = {"wait for", "time", time_attempt, NULL, NULL};

plait_case plait_on_time(int64_t deadline)
{
    WAIT_CHECK_DEADLINE(deadline);
    return (plait_case){.kind = &time_kind, .number = deadline};
}

static int word_attempt(plait_case *one)
{
    /* pairs with whatever its changer did */
    return atom_load((uint32_t *)one->object, ACQUIRE) != (uint32_t)one->number ? 0 : -EAGAIN;
}

static int word_words(plait_case *one, struct wait_word *words)
{
    words[0] = (struct wait_word){
        .word = one->object, .seen = (uint32_t)one->number, .shared = one->size == PLAIT_SHARED};
    return 1;
}

plait_case plait_on_word(const uint32_t *word, uint32_t seen, plait_where where)
{
    static const struct plait_case_kind kind = {"wait for", "word", word_attempt, word_words, NULL};
    if (!word || (uintptr_t)word % sizeof *word)
        base_misuse(word, "word", __builtin_return_address(0), "NULL, or not aligned to 4 bytes");
    return (plait_case){
        .kind = &kind, .object = (void *)(uintptr_t)word, .number = seen, .size = (size_t)where};
}

void plait_word_wake(const uint32_t *word, int count, plait_where where)
{
    if (word && count > 0)
        wait_unpark((uint32_t *)(uintptr_t)word, count, where == PLAIT_SHARED);
}

/* One case: its index, or why not. */
static inline int select_attempt(struct select *select, int index)
{
    plait_case *one = &select->cases[index];
    int rc = one->kind->attempt(one);
    if (likely(rc == -EAGAIN))
        return rc;
    one->result = rc;
    return rc >= 0 ? index : rc;
}

/* 1. A random permutation, made while it is used (Fisher and Yates), since a random start alone
 * would prefer cases that stand behind ones which are never ready. */
static int select_pass(struct select *select)
{
    int never = -EAGAIN;
    for (int i = 0; i < select->count; i++)
        select->order[i] = (uint16_t)i;
    for (uint32_t left = (uint32_t)select->count; left > 0; left--) {
        uint32_t pick = (uint32_t)((uint64_t)wait_random(select->self) * left >> 32);
        int rc = select_attempt(select, select->order[pick]);
        if (rc >= 0)
            return rc;
        if (rc != -EAGAIN)
            never = rc;
        select->order[pick] = select->order[left - 1];
    }
    return never;
}

/* A code is believed when a second pass, all of which comes after what the code tells, finds
 * nothing ready: who puts into one queue and then closes another one means the item to be taken
 * first. */
static int select_try(struct select *select)
{
    int rc = select_pass(select);
    return likely(rc >= 0 || rc == -EAGAIN) ? rc : select_pass(select);
}

/* 2. One case's node, those of private words from the front, the others from the end. */
static bool select_enlist(struct select *select, int index, struct lot_node *nodes, int *private)
{
    plait_case *one = &select->cases[index];
    struct wait_word word;
    int how = one->kind->words(one, &word);
    if (!how)
        return false;
    int at = word.shared ? select->count - ++select->shared : (*private)++;
    nodes[at] = (struct lot_node){.word = word.word,
                                  .index = (uint16_t)index,
                                  .seen = word.seen,
                                  .shared = word.shared,
                                  .owned = word.owned,
                                  .all = word.all,
                                  .looks = word.looks,
                                  .offer = how == WAIT_OFFER ? one : NULL};
    return true;
}

/* 2. False: look again. The deadline becomes the first time among the cases. */
static bool select_announce(struct select *select, struct lot_node *nodes, int64_t *deadline)
{
    int private = 0;
    select->shared = select->slept = 0;
    for (int i = 0; i < select->count; i++) {
        plait_case *one = &select->cases[i];
        select->announced = i;
        if (one->kind == &time_kind)
            *deadline = one->number < *deadline ? one->number : *deadline;
        else if (!select_enlist(select, i, nodes, &private))
            return false;
    }
    select->announced = select->count;
    select->slept = private + select->shared;
    if (select->shared)
        memmove(nodes + private, nodes + select->count - select->shared,
                (size_t)select->shared * sizeof *nodes);
    return true;
}

static void select_pass_on(struct select *select, int index)
{
    plait_case *one = &select->cases[index];
    if (one->kind->pass_on)
        one->kind->pass_on(one);
}

/* 3. With a shared word among them it looks again after the patrol's interval, because what ends
 * such a wait may be that nobody else is left (queue/shared_call.c), which no word tells. */
static int select_park(struct select *select, struct lot_node *nodes, int64_t deadline)
{
    int64_t patrol = select->shared ? base_settings()->patrol : 0, until = deadline;
    if (patrol && wait_now() + patrol < deadline && wait_now() + patrol < select->self->limit)
        until = wait_now() + patrol;
    int woke = wait_park_nodes(nodes, select->slept, select->shared, until);
    return woke == -ETIMEDOUT && until < deadline ? -EAGAIN : woke;
}

/* 2 to 4. Whose word was unparked, or as wait_park. */
static int select_sleep(struct select *select, struct lot_node *nodes, int64_t deadline)
{
    int woke = -EAGAIN;
    if (select_announce(select, nodes, &deadline))
        woke = select_park(select, nodes, deadline);
    for (int i = 0; i < select->announced; i++)
        if (i != woke)
            select_pass_on(select, i);
    return woke;
}

/* 5. */
static int select_woken(struct select *select, int woke)
{
    int rc = woke >= 0 ? select_attempt(select, woke) : -EAGAIN;
    if (rc >= 0)
        return rc;
    if (woke >= 0)
        select_pass_on(select, woke);
    return select_try(select);
}

static __attribute__((noinline)) int select_wait(struct select *select, int64_t deadline)
{
    struct lot_node nodes[select->count];
    int rc, woke;
    do {
        woke = select_sleep(select, nodes, deadline);
        rc = select_woken(select, woke);
    } while (rc == -EAGAIN && woke != -ETIMEDOUT && woke != -ECANCELED);
    if (unlikely(select->shared))
        wait_nodes_done(nodes, select->slept, select->shared);
    if (rc == -EAGAIN)
        return woke;
    if (woke == -ECANCELED)
        wait_cancel_again(select->self);
    return rc;
}

/* Before anything is done: 0, or why not. */
static int select_check(plait_case *cases, int count, const struct wait_self *self)
{
    if (!cases || count < 1)
        return -EINVAL;
    if (count > WAIT_CASES_MOST)
        return -E2BIG;
    for (int i = 0; i < count; i++) {
        if (!cases[i].kind)
            return -EINVAL;
        cases[i].result = -EAGAIN;
        cases[i].reserved = 0;
    }
    size_t needed = (size_t)count * (sizeof(struct lot_node) + sizeof(uint16_t)) + SLEEP_ROOM;
    bool fits = !self->carrier->has_room || self->carrier->has_room(self, needed);
    return fits ? 0 : -E2BIG;
}

/* A coroutine lets those run that are ready before it sleeps, because what it waits for most likely
 * comes from one of them, and a switch costs a fifth of all the records, marks and wakes of a
 * sleep. */
static bool select_gives_way(struct wait_self *self)
{
    return self->carrier->give_way && self->carrier->give_way(self);
}

int wait_select(plait_case *cases, int count, int64_t deadline, const struct wait_call *note,
                const void *shown, void *place)
{
    struct wait_self *self = wait_me();
    int rc = select_check(cases, count, self);
    if (rc != 0)
        return rc;
    uint16_t order[count];
    struct select select = {.cases = cases, .count = count, .self = self, .order = order};
    rc = select_try(&select);
    if (rc != -EAGAIN)
        return rc;
    if (deadline == 0)
        return wait_not_now();
    if (select_gives_way(self) && (rc = select_try(&select)) != -EAGAIN)
        return rc;
    wait_note_begin(self, note, shown, place);
    rc = select_wait(&select, deadline);
    wait_note_end(self);
    return rc;
}

int plait_select_cases(plait_case *cases, int count, int64_t deadline)
{
    static const struct wait_call selecting = {.verb = "select", .type = "cases"};
    void *place = __builtin_return_address(0);
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    return wait_select(cases, count, deadline, &selecting, NULL, place);
}
