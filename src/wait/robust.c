/* What a thread holds, so that the kernel finds it when the thread dies.
 *
 * Problem: a thread killed while it holds a word in shared memory must leave the word marked and
 * one sleeper awake. Only the kernel is there to do it: at a thread's death it walks the list
 * that libc has registered for robust mutexes, and treats one word more, the pending one. Obvious
 * idea: use libc's robust mutex. It is sound, but its list runs through shared memory in both
 * directions and user code follows it: a peer that writes there writes anywhere in us. Instead
 * our words stand in libc's list behind links that user code only ever writes:
 *
 * libc's head -> newest (anchor) -> held words, newest first -> oldest (anchor) -> libc's own
 *
 * R1 held = listed. At a thread's death the kernel turns TID into D, keeps W, and wakes one
 * sleeper if W is set, for each word of the list that holds its TID.
 * R2 pending covers the windows. The word that `pending` names is left out of the walk and
 * treated after it: with our TID as in R1; with nobody's, one sleeper is woken whatever W says.
 * R5 links are write-only. What is held stands in a private array; libc's neighbours write only
 * the outer sides of the two anchors, which are private memory.
 *
 * The oldest anchor holds its thread's TID itself. So the kernel marks a dead thread's record,
 * too, and the next thread that needs one takes it: a destructor could come too early. Not the
 * newest anchor, because the kernel would still be on its way to the others when the record is
 * reused. */
#include "wait/robust.h"
#include "base/report.h"
#include "os/os.h"
#include "os/sanitizer.h"

#include <string.h>

__thread struct robust_thread *robust_current __attribute__((tls_model("initial-exec")));
static struct robust_thread *records;

static void *link_read(const void *link) /* of anchors only, because of R5 */
{
    return ((const struct robust_link *)link)->next;
}

/* A record whose thread died: the kernel marked it. Where there are no robust lists it is asked.
 * For ThreadSanitizer there is none, because it cannot see that the kernel's mark comes after all
 * that the dead thread did. */
static bool record_is_free(struct robust_thread *record, uint32_t *seen)
{
    *seen = atom_load(&record->oldest.word, ACQUIRE); /* pairs with the CAS of record_find */
    if (os_tsan_watches())
        return false;
    if (*seen & ROBUST_DIED)
        return true;
    return !os_has(OS_ROBUST) && os_thread_is_gone((pid_t)*seen);
}

static struct robust_thread *record_find(uint32_t tid)
{
    for (struct robust_thread *record = atom_load(&records, ACQUIRE); record;
         record = record->next) {
        uint32_t seen;
        if ((record_is_free(record, &seen) || seen == tid) &&
            atom_cas(&record->oldest.word, &seen, tid, ACQ_REL))
            return record;
    }
    return NULL;
}

static struct robust_thread *record_make(uint32_t tid)
{
    struct robust_thread *record = os_map(sizeof *record);
    if (!record)
        return NULL;
    record->oldest.word = tid;
    record->next = atom_load(&records, RELAXED);
    while (!atom_cas(&records, &record->next, record, RELEASE)) /* pairs with record_find */
        ;
    return record;
}

/* head -> newest -> oldest -> libc's. libc keeps a pointer back in front of each link, and writes
 * it when it takes a neighbour out. */
static void record_enter(struct robust_thread *record, const struct os_robust *list)
{
    void *first = *list->head;
    void *newest = robust_link_of(record, &record->newest);
    void *oldest = robust_link_of(record, &record->oldest);
    robust_link_write(oldest, first);
    robust_link_write((char *)oldest - sizeof(void *), newest);
    robust_link_write(newest, oldest);
    robust_link_write((char *)newest - sizeof(void *), list->head);
    if (first != (void *)list->head)
        robust_link_write((char *)first - sizeof(void *), oldest);
    atom_store(list->head, newest, RELEASE);
}

/* The list of a libc that does not know of fork: musl's child keeps its parent's. */
static bool record_is_listed(struct robust_thread *record, const struct os_robust *list)
{
    return *list->head == robust_link_of(record, &record->newest);
}

struct robust_thread *robust_register(void)
{
    uint32_t tid = (uint32_t)os_tid();
    struct robust_thread *record = record_find(tid);
    if (!record && !(record = record_make(tid)))
        return NULL;
    static void *nobodys_pending;
    struct os_robust list;
    record->tid = tid;
    record->count = 0;
    record->read_word = record->read_count = 0;
    record->has_list = os_robust_find(&list) == 0;
    record->offset = record->has_list ? list.offset : -(long)sizeof(void *) * 4;
    record->pending = record->has_list ? list.pending : &nobodys_pending;
    record->newest.before = record->oldest.before = 0x80; /* for musl's walk, see robust.h */
    record->newest.behind = record->oldest.behind = 1;
    if (record->has_list && !record_is_listed(record, &list))
        record_enter(record, &list);
    return robust_current = record;
}

uint32_t robust_tid(void)
{
    struct robust_thread *here = robust_here();
    return here ? here->tid : 0;
}

void wait_cover(uint32_t *word)
{
    struct robust_thread *here = robust_here();
    if (here)
        robust_cover(here, wait_me(), word);
}

void wait_uncover(void)
{
    if (robust_current)
        robust_uncover(robust_current, wait_me());
}

void robust_unlink(struct robust_thread *here, struct robust_word *held)
{
    uint32_t at = here->count;
    while (here->held[--at].word != held)
        ;
    bool is_newest = at + 1 == here->count;
    struct robust_word *newer = is_newest ? &here->newest : here->held[at + 1].word;
    robust_link_write(robust_link_of(here, newer), robust_link_at(here, at));
    robust_in_order();
    here->count--;
    memmove(&here->held[at], &here->held[at + 1], (here->count - at) * sizeof here->held[0]);
}

bool robust_holds(const struct robust_word *held, uint64_t task)
{
    const struct robust_thread *here = robust_current;
    for (uint32_t i = here ? here->count : 0; i-- > 0;)
        if (here->held[i].word == held && here->held[i].task == task)
            return true;
    return false;
}

/* By the holder's private array, because the object may name anybody. */
OS_READS_HINTS static struct wait_self *record_holds(const struct robust_thread *record,
                                                     const struct robust_word *held)
{
    uint32_t count = atom_load(&record->count, RELAXED);
    for (uint32_t i = 0; i < count && i < ROBUST_HELD_MOST; i++)
        if (atom_load(&record->held[i].word, RELAXED) == held)
            return (struct wait_self *)(uintptr_t)atom_load(&record->held[i].task, RELAXED);
    return NULL;
}

OS_READS_HINTS struct wait_self *robust_holder(const struct robust_word *held)
{
    struct robust_word copy;
    if (!os_peek(held, &copy, sizeof copy) || !(copy.word & ROBUST_OWNER))
        return NULL;
    for (const struct robust_thread *record = atom_load(&records, ACQUIRE); record;
         record = record->next)
        if (atom_load(&record->oldest.word, RELAXED) == (copy.word & ROBUST_OWNER))
            return record_holds(record, held);
    return NULL;
}

int robust_held_count(uint64_t task)
{
    const struct robust_thread *here = robust_current;
    int count = 0;
    for (uint32_t i = 0; here && i < here->count; i++)
        count += here->held[i].task == task;
    return count;
}

/* Unlinked before it is marked, as in a release, because the next holder writes the link at
 * once. */
void robust_let_go(uint64_t task)
{
    struct robust_thread *here = robust_current;
    struct wait_self *self = wait_current;
    for (uint32_t i = here ? here->count : 0; i-- > 0;) {
        struct robust_word *held = here->held[i].word;
        if (here->held[i].task != (task | ROBUST_COMES_BACK))
            continue;
        robust_cover(here, self, &held->word);
        robust_unlink(here, held);
        self->pinned--;
        atom_swap(&held->word, ROBUST_WAITERS | ROBUST_DIED, SEQ_CST);
        wait_unpark(&held->word, INT32_MAX, true);
        robust_uncover(here, self);
    }
}

bool robust_holds_within(const void *start, size_t size)
{
    const struct robust_thread *here = robust_current;
    for (uint32_t i = 0; here && i < here->count; i++)
        if ((uintptr_t)here->held[i].word - (uintptr_t)start < size)
            return true;
    return false;
}

/* Does this thread hold it, for whichever task? */
static bool is_mine(const uint32_t *word)
{
    const struct robust_thread *here = robust_current;
    for (uint32_t i = 0; here && i < here->count; i++)
        if (&here->held[i].word->word == word)
            return true;
    return false;
}

/* Our own TID in a word that we do not hold is that of a dead thread whose number we were given. */
static bool is_gone(const uint32_t *word, uint32_t tid)
{
    if (robust_current && robust_current->tid == tid)
        return !is_mine(word);
    return os_thread_is_gone((pid_t)tid);
}

bool robust_patrol(uint32_t *word, uint32_t seen)
{
    uint32_t tid = seen & ROBUST_OWNER;
    if (!tid || !is_gone(word, tid))
        return false;
    atom_cas(word, &seen, (seen & ROBUST_WAITERS) | ROBUST_DIED, ACQ_REL);
    return true;
}

/* Every record but the caller's is that of a thread that is not here, and what it holds is the
 * parent's; the caller has another TID now. */
void robust_after_fork(void)
{
    struct robust_thread *mine = robust_current;
    struct os_robust list;
    if (mine && mine->has_list && os_robust_find(&list) == 0 && record_is_listed(mine, &list))
        *list.head = link_read(robust_link_of(mine, &mine->oldest));
    for (struct robust_thread *record = records; record; record = record->next)
        record->oldest.word = ROBUST_DIED;
    robust_current = NULL;
    if (wait_current) {
        wait_current->covered = NULL;
        wait_current->pinned = 0;
    }
}
