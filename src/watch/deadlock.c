/* Tasks that wait for each other in a circle.
 *
 * A wait whose look is due (wait/look.h) walks from holder to holder. All that it reads belongs to
 * others and may change meanwhile, so a walk that came back to where it began proves nothing yet:
 *   1. Walk: for each task on the way its wait (turn, object), then who holds that object.
 *   2. Came back? Once more along the same way, each task's wait before its holder. Every turn and
 *      every holder the same as before: then it is a circle. For between 1 and 2 all of them
 *      waited, each in one wait; and what a task holds at its object's second look it has held
 *      since then, because a task that waits takes nothing and releases nothing.
 *   3. The youngest wait tells: the others looked before it had begun. It ends with -EDEADLK, or,
 *      if it cannot fail, the youngest that can, whom it tells to look again. Nobody else ends.
 * Memory is fixed: one walk at a time, of WALK_MOST tasks. A longer circle is not found. */
#include "base/report.h"
#include "base/settings.h"
#include "base/spin.h"
#include "os/os.h"
#include "os/sanitizer.h"
#include "task/task.h"
#include "wait/look.h"

#include <plait/time.h>
#include <plait/watch.h>

#include <errno.h>
#include <stdlib.h>

enum { WALK_MOST = 128, HOLDERS_MOST = 16, TOLD_MOST = 64, TEXT = 8192 };

/* A task on the way. */
struct hop {
    struct wait_self *self;
    struct wait_note note; /* a copy */
    uint64_t id;
    struct wait_holder holders[HOLDERS_MOST];
    int count, next; /* of the holders; the next one to follow */
};

static struct {
    base_spin lock; /* guards all below */
    struct hop hops[WALK_MOST];
    struct wait_self *seen[WALK_MOST];
    int depth, seen_count;
    uint64_t
        told[TOLD_MOST]; /* circles told before, by their sums; the newest replace the oldest */
    uint32_t told_count;
    size_t length;
    char text[TEXT];
} walk;

/* ---- the walk */

/* One look at a task's wait. False: it does not wait for holders that are known, or ends by
 * itself. */
OS_READS_HINTS static bool hop_look(struct hop *hop, struct wait_self *self)
{
    const struct wait_note *now = &self->note;
    const char *verb = atom_load(&now->verb, ACQUIRE);
    *hop = (struct hop){
        .self = self,
        .id = atom_load(&((struct task_record *)self)->id, RELAXED),
        .note =
            {
                .verb = verb,
                .type = atom_load(&now->type, RELAXED),
                .object = atom_load(&now->object, RELAXED),
                .place = atom_load(&now->place, RELAXED),
                .since = atom_load(&now->since, RELAXED),
                .holders = atom_load(&now->holders, RELAXED),
                .moved = atom_load(&now->moved, RELAXED),
                .may_fail = atom_load(&now->may_fail, RELAXED),
                .turn = atom_load(&now->turn, RELAXED),
            },
    };
    if (!verb || !hop->note.holders || !atom_load(&now->endless, RELAXED))
        return false;
    hop->count = hop->note.holders(self, hop->note.object, hop->holders, HOLDERS_MOST);
    if (hop->note.moved) { /* told by its condition: it waits for the lock now */
        hop->note.verb = "acquire";
        hop->note.type = "lock";
        hop->note.object = hop->note.moved;
    }
    return atom_load(&now->verb, ACQUIRE) == verb &&
           atom_load(&now->turn, RELAXED) == hop->note.turn;
}

static bool was_seen(struct wait_self *self)
{
    for (int i = 0; i < walk.seen_count; i++)
        if (walk.seen[i] == self)
            return true;
    if (walk.seen_count == WALK_MOST)
        return true;
    walk.seen[walk.seen_count++] = self;
    return false;
}

static void walk_enter(struct wait_self *self)
{
    if (!was_seen(self) && walk.depth < WALK_MOST && hop_look(&walk.hops[walk.depth], self))
        walk.depth++;
}

/* Step 1. True: the hops are a circle, as it seems. */
static bool walk_finds(struct wait_self *start)
{
    walk.depth = walk.seen_count = 0;
    walk_enter(start);
    while (walk.depth > 0) {
        struct hop *hop = &walk.hops[walk.depth - 1];
        if (hop->next == hop->count) {
            walk.depth--;
            continue;
        }
        struct wait_self *next = hop->holders[hop->next++].self;
        if (next == start)
            return true;
        walk_enter(next);
    }
    return false;
}

static bool names(const struct hop *hop, const struct wait_self *holder)
{
    for (int i = 0; i < hop->count; i++)
        if (hop->holders[i].self == holder)
            return true;
    return false;
}

/* Step 2. */
static bool walk_holds(void)
{
    for (int i = 0; i < walk.depth; i++) {
        struct hop again, *hop = &walk.hops[i];
        bool waits = hop_look(&again, hop->self);
        if (!waits || again.note.turn != hop->note.turn || again.id != hop->id ||
            !names(&again, walk.hops[(i + 1) % walk.depth].self))
            return false;
    }
    return true;
}

/* ---- who tells, who ends */

static bool is_younger(const struct hop *one, const struct hop *other)
{
    return one->note.since != other->note.since ? one->note.since > other->note.since
                                                : one->id > other->id;
}

/* The youngest of all, or of those that may fail, because a block's wait for its tasks cannot;
 * NULL: none. */
static struct hop *youngest(bool may_fail)
{
    struct hop *found = NULL;
    for (int i = 0; i < walk.depth; i++) {
        struct hop *hop = &walk.hops[i];
        if ((hop->note.may_fail || !may_fail) && (!found || is_younger(hop, found)))
            found = hop;
    }
    return found;
}

/* A number for this circle of these very waits, so that the one who was woken to end does not tell
 * again what the youngest has told. */
static bool was_told(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < walk.depth; i++)
        sum += (walk.hops[i].id << 32 | walk.hops[i].note.turn) * UINT64_C(0x9e3779b97f4a7c15);
    for (int i = 0; i < TOLD_MOST; i++)
        if (walk.told[i] == sum)
            return true;
    walk.told[walk.told_count++ % TOLD_MOST] = sum;
    return false;
}

/* ---- the report */

__attribute__((format(printf, 1, 2))) static void text_add(const char *format, ...)
{
    va_list args;
    size_t room = TEXT - 1 - walk.length; /* 1: base_report_text's newline */
    va_start(args, format);
    size_t wanted = (size_t)base_vformat(walk.text + walk.length, room, format, args);
    va_end(args);
    walk.length += wanted < room ? wanted : room - 1;
}

static const char *name_of(const struct hop *hop)
{
    return record_name((struct task_record *)hop->self);
}

static void text_add_hop(const struct hop *hop, int64_t now)
{
    char object[160], place[160];
    const struct wait_holder *holder = &hop->holders[hop->next - 1];
    const struct hop *next = hop + 1 < walk.hops + walk.depth ? hop + 1 : walk.hops;
    text_add("%s '%s' waits to %s ", hop == walk.hops ? "" : ";", name_of(hop), hop->note.verb);
    if (hop->note.type && strcmp(hop->note.type, "task") == 0)
        text_add("task '%s'", name_of(next));
    else
        text_add("%s", base_object(hop->note.object, hop->note.type, object, sizeof object));
    text_add(" for %ld ms", (long)((now - hop->note.since) / PLAIT_MILLISECOND));
    if (hop->note.place)
        text_add(" at %s", base_place(hop->note.place, place, sizeof place));
    if (strcmp(hop->note.verb, "acquire") == 0)
        text_add(", held by '%s'", name_of(next));
    if (holder->place)
        text_add(" since %s", base_place(holder->place, place, sizeof place));
}

static const char *reaction(void)
{
    const char *said = base_settings()->deadlock;
    return said ? said : "error";
}

static void text_fill(const struct hop *victim)
{
    int64_t now = wait_now();
    walk.length = 0;
    text_add(BASE_PREFIX "deadlock:");
    for (int i = 0; i < walk.depth; i++)
        text_add_hop(&walk.hops[i], now);
    if (strcmp(reaction(), "abort") == 0)
        text_add("; the program stops");
    else if (strcmp(reaction(), "error") == 0 && victim)
        text_add("; '%s' gets -EDEADLK", name_of(victim));
}

/* ---- the look */

/* Step 3: is it for this task to act? *ends is whose wait ends, NULL: none can. */
static bool look_concerns(const struct wait_self *self, struct wait_self **ends)
{
    const struct hop *last = youngest(false), *victim = youngest(true);
    *ends = victim ? victim->self : NULL;
    return self == last->self || self == *ends;
}

/* With the lock held. True: the text is to be told. */
static bool look_decides(struct wait_self *self, struct wait_self **ends)
{
    *ends = NULL;
    if (!walk_finds(self) || !walk_holds())
        return false;
    if (!look_concerns(self, ends)) {
        *ends = NULL;
        return false;
    }
    if (was_told())
        return false;
    text_fill(youngest(true));
    return true;
}

/* Told while the lock is held, because the text is there; who listens must not wait. */
static int look(struct wait_self *self)
{
    struct wait_self *ends;
    base_spin_lock(&walk.lock);
    bool tells = look_decides(self, &ends);
    if (tells)
        base_report_text(PLAIT_REPORT_DEADLOCK, walk.text, walk.length);
    base_spin_unlock(&walk.lock);
    if (tells && strcmp(reaction(), "abort") == 0)
        abort();
    if (!ends || strcmp(reaction(), "error") != 0)
        return -EAGAIN;
    if (ends == self)
        return -EDEADLK;
    wait_look_fire(ends);
    return -EAGAIN;
}

/* For a coroutine, from outside, because its worker may be busy, and waking it for nothing would
 * make it try again, which heals a wake that plait forgot. Who is in a circle is woken and
 * tells. */
static void look_for(struct wait_self *self)
{
    struct wait_self *ends;
    base_spin_lock(&walk.lock);
    bool concerned = walk_finds(self) && walk_holds() && look_concerns(self, &ends);
    base_spin_unlock(&walk.lock);
    if (concerned)
        wait_look_fire(self);
}

/* ---- rounds for coroutines */

static struct {
    struct sched_watch watch;
    base_spin lock; /* one at a time adds the watch */
    uint32_t asked; /* wait_forks + 1: a coroutine began such a wait since the last round */
    uint32_t owner; /* bits 30..0: the same, the watch is this process'; 31: it is being begun */
} rounds = {.watch = {.descriptor = -1, .at = WAIT_NEVER}};

#define BEGINS UINT32_C(0x80000000)

static int64_t look_after(void)
{
    return atom_load(&wait_look.after, RELAXED);
}

/* Looks for the task if it is time. When it will be; WAIT_NEVER: its wait needs none. */
OS_READS_HINTS static int64_t round_one(struct wait_self *self, int64_t now)
{
    struct wait_note *note = &self->note;
    uint32_t turn = atom_load(&note->turn, RELAXED);
    bool looks = atom_load(&note->verb, ACQUIRE) && atom_load(&note->holders, RELAXED);
    int64_t due = looks ? atom_load(&note->due, RELAXED) : WAIT_NEVER;
    if (due == WAIT_NEVER || atom_load(&note->looked, RELAXED) == turn)
        return WAIT_NEVER;
    if (due > now)
        return due;
    atom_store(&note->looked, turn, RELAXED);
    look_for(self);
    return WAIT_NEVER;
}

/* By the slot, because the record of a thread that has ended may be another's just now. With a seed
 * threads are coroutines, too. */
static struct task_record *round_record(const struct task_slot *slot)
{
    bool one = wait_deterministic || atom_load(&slot->flags, RELAXED) >> 16 == PLAIT_COROUTINE;
    return one && !task_has_ended(slot) ? slot_record(slot) : NULL;
}

static int64_t round_all(int64_t now)
{
    int64_t first = WAIT_NEVER;
    for (uint32_t i = 0; i < slot_limit(); i++) {
        struct task_record *record = round_record(slot_at(i));
        int64_t due = record ? round_one(&record->co.self, now) : WAIT_NEVER;
        first = due < first ? due : first;
    }
    return first;
}

/* When to go round next. A coroutine that asks stores its note before it looks at `asked`, and a
 * round takes `asked` off before it looks at notes; but these two stores are not ordered before the
 * loads behind them, since that would cost each wait. So a round that was asked for is followed by
 * another, even when it found nobody. */
static int64_t round_next(int64_t now)
{
    int64_t begin = os_now();
    bool asked = atom_swap(&rounds.asked, 0, SEQ_CST);
    int64_t first = round_all(now);
    /* Not more than a twentieth of the watcher's time, however many tasks there are. */
    int64_t rest = look_after() / 8 + (wait_deterministic ? 0 : 20 * (os_now() - begin));
    if (first != WAIT_NEVER)
        return first > now + rest ? first : now + rest;
    return asked ? now + look_after() + rest : WAIT_NEVER;
}

static void round_go(int64_t now)
{
    int64_t next = round_next(now);
    atom_store(&rounds.watch.at, next, SEQ_CST);
    /* Asked for in between: once more, since what it stored may have been overwritten just now. */
    if (next == WAIT_NEVER && atom_load(&rounds.asked, SEQ_CST))
        atom_store(&rounds.watch.at, now + look_after(), RELAXED);
}

static void round_told(struct sched_watch *watch, bool readable)
{
    round_go(os_now());
}

/* Asked by the worker when nothing can run, because deterministic mode has no watcher. */
static int64_t round_seeded(int64_t now)
{
    if (now >= rounds.watch.at)
        round_go(now);
    return rounds.watch.at;
}

/* The rounds are the parent's before the first wait of a child. False: another task begins them at
 * this moment. */
static bool rounds_are_ours(void)
{
    uint32_t mine = wait_forks + 1, seen = atom_load(&rounds.owner, ACQUIRE);
    if (likely(seen == mine))
        return true;
    if (seen == (mine | BEGINS) || !atom_cas(&rounds.owner, &seen, mine | BEGINS, ACQUIRE))
        return false;
    rounds.lock = (base_spin){0};
    rounds.watch =
        (struct sched_watch){.descriptor = -1, .at = WAIT_NEVER, .told = round_told, .idle = true};
    atom_store(&rounds.owner, mine, RELEASE); /* pairs with the ACQUIRE above */
    return true;
}

/* In and out of the watcher's list each time, because plait_quiesce may have ended the watcher. */
static void rounds_begin(int64_t at)
{
    base_spin_lock(&rounds.lock);
    sched_watch_remove(&rounds.watch);
    atom_store(&rounds.watch.at, at, RELAXED);
    sched_watch_add(&rounds.watch); /* without a watcher nobody looks */
    base_spin_unlock(&rounds.lock);
}

static void look_later(void)
{
    uint32_t mine = wait_forks + 1;
    if (likely(atom_load(&rounds.asked, SEQ_CST) == mine) || !rounds_are_ours() ||
        atom_swap(&rounds.asked, mine, SEQ_CST) == mine)
        return;
    int64_t at = wait_now() + look_after();
    if (!wait_deterministic)
        rounds_begin(at);
    else if (at < rounds.watch.at)
        rounds.watch.at = at;
}

/* Because a thread of the parent may have been walking. */
static void walk_after_fork(void)
{
    walk.lock = (base_spin){0};
}

__attribute__((constructor(103))) static void deadlock_begin(void)
{
    base_at_fork(NULL, NULL, walk_after_fork);
    wait_look.look = look;
    wait_look.later = look_later;
    sched_hooks.look = round_seeded;
}
