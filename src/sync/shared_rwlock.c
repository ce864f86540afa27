/* The reader-writer lock in shared memory. docs/shared-memory-rwlock.md argues each kill;
 * tests/models/rwlock.c explores these steps with kills.
 *
 * Problem: a killed writer must be found and told of, a killed reader must not keep writers out,
 * and readers must not wait for each other. Obvious idea: the private form, a lock for writers and
 * counts of readers. A count does not tell whose part of it is dead. A link for the kernel in each
 * reader's word, as the lock has it, takes 40 bytes a reader. So each reading thread has a word
 * with its name, and who waits for it asks whether that thread is still there.
 *
 * The gate is a shared lock (shared_lock.c), with all that it promises at a death.
 * Read:
 *   1. take an empty word: 0 -> this thread (SEQ_CST). The tasks of one thread share its word
 *   2. the gate is free and sound (SEQ_CST): inside
 *   3. else take the word back (8), take the gate as a lock, 1 again, give the gate back. No empty
 *      word: keep the gate while reading
 * Write:
 *   4. take the gate; told of a death, with `writes` 0: the dead one only read, or was not inside
 *      yet, so mend and tell nobody
 *   5. touch the gate once more, then look at the words (both SEQ_CST): 1 and 2 against 4 and 5 are
 *      Dekker's. For each that is not 0: is its thread gone? Then 0. Else set W in it, sleep on it
 *   6. writes = 1: inside
 *   7. could not wait so long: the gate back, as it was found
 * Release:
 *   8. a reader: its word -> 0 if it is the thread's last; with W: pending = word, 0, wake by its
 *      address, pending = NULL. Nothing is touched once the writer can be inside
 *   9. a writer: writes = 0, unless a death inside is unmended; gate back
 * Downgrade: 1, writes = 0, gate back.
 *
 * A dead reader is noticed by who waits for it: before he sleeps and at each patrol. */
#include "sync/shared_rwlock.h"
#include "os/os.h"
#include "sync/budget.h"
#include "sync/lock.h"
#include "sync/shared_lock.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define READER_W ROBUST_WAITERS
enum { TID_BITS = 22, TID_MASK = (1 << TID_BITS) - 1, MARKS = 511, LOOKS = 24, BY_GATE = -1 };

static uint64_t my_task(void)
{
    return (uint64_t)(uintptr_t)wait_current;
}

static plait_lock *gate_of(struct shared_rwlock *lock)
{
    return (plait_lock *)(void *)&lock->gate;
}

/* ---- who reads: what stands in the words, and each thread's own notes (robust.h) */

/* 0 where the thread cannot ask /proc: no descriptor left, none in its chroot. With any other mark a
 * writer that can ask would take the reader for dead, empty its word and write beside it. */
static uint32_t mark_of(uint64_t born)
{
    return born ? (uint32_t)(1 + born % MARKS) << TID_BITS : 0;
}

static uint32_t my_word(struct robust_thread *here)
{
    if (unlikely(!here->read_word))
        here->read_word = here->tid | mark_of(os_thread_born((pid_t)here->tid));
    return here->read_word;
}

/* The newest note of this lock; -1: none. `task` 0: of any task of this thread. */
static int note_find(const struct robust_thread *here, const struct shared_rwlock *lock,
                     uint64_t task)
{
    int i = here ? (int)here->read_count : 0;
    while (i-- > 0)
        if (here->reads[i].lock == lock && (!task || here->reads[i].task == task))
            break;
    return i;
}

static void note_push(struct robust_thread *here, struct shared_rwlock *lock, int entry)
{
    here->reads[here->read_count++] = (struct robust_read){lock, my_task(), entry};
    wait_current->pinned++;
}

/* Forgets it; true: it was this thread's last of the lock. */
static bool note_drop(struct robust_thread *here, int i)
{
    const struct shared_rwlock *lock = here->reads[i].lock;
    wait_current->pinned--;
    here->read_count--;
    memmove(&here->reads[i], &here->reads[i + 1],
            (here->read_count - (uint32_t)i) * sizeof here->reads[0]);
    return note_find(here, lock, 0) < 0;
}

/* The word of a thread that has ended? One with this thread's number and none of its notes is of an
 * earlier one, since the kernel gives numbers again. */
static bool is_dead(const struct shared_rwlock *lock, uint32_t word)
{
    struct robust_thread *here = robust_current;
    uint32_t tid = word & TID_MASK;
    if (tid == here->tid)
        return (word & ~READER_W) != my_word(here) || note_find(here, lock, 0) < 0;
    if (tid == 0 || os_thread_is_gone((pid_t)tid))
        return true;
    uint32_t told = word & ~READER_W & ~(uint32_t)TID_MASK;
    uint32_t found = told ? mark_of(os_thread_born((pid_t)tid)) : 0;
    return found && found != told; /* without both the number must do */
}

/* Step 1. Which word; BY_GATE: all are taken. */
static int word_take(struct shared_rwlock *lock, struct robust_thread *here)
{
    int known = note_find(here, lock, 0);
    if (known >= 0)
        return here->reads[known].entry;
    for (uint32_t i = 0; i < SHARED_READERS; i++) {
        uint32_t empty = 0, at = (here->tid + i) % SHARED_READERS;
        if (atom_load(&lock->readers[at], RELAXED) == 0 &&
            atom_cas(&lock->readers[at], &empty, my_word(here), SEQ_CST))
            return (int)at;
    }
    return BY_GATE;
}

/* Step 8. Covered only with W, because without it nobody is to be woken. */
static void word_leave(struct shared_rwlock *lock, struct robust_thread *here, int entry)
{
    uint32_t *word = &lock->readers[entry], mine = here->read_word;
    if (likely(atom_cas(word, &mine, 0, RELEASE))) /* pairs with words_find */
        return;
    robust_cover(here, wait_current, word);
    if (atom_swap(word, 0, RELEASE) & READER_W)
        wait_unpark(word, INT_MAX, true);
    robust_uncover(here, wait_current);
}

/* ---- the gate */

static bool gate_is_shut(const struct shared_rwlock *lock)
{
    return atom_load(&lock->gate.word, SEQ_CST) & (ROBUST_OWNER | ROBUST_DIED);
}

/* Looks that come before every sleep, since most sections are shorter. */
static bool gate_opens(const struct shared_rwlock *lock)
{
    if (!sync_may_spin() || wait_current->carrier->is_coroutine)
        return false;
    for (int look = 0; look < LOOKS; look++) {
        os_relax();
        if (!gate_is_shut(lock))
            return true;
    }
    return false;
}

/* Step 4. */
static int gate_take(struct shared_rwlock *lock, int64_t deadline, bool done, void *place)
{
    int rc = lock_take_shared(gate_of(lock), deadline, done, place);
    if (rc == -EOWNERDEAD && !atom_load(&lock->writes, RELAXED)) {
        shared_lock_mend(&lock->gate, place);
        rc = 0;
    }
    return rc;
}

/* ---- step 5: the gate is held, nobody new gets a word and stays */

struct drain_call {
    struct shared_rwlock *lock;
    uint32_t waits_for; /* whom it has slept behind */
    bool asks;          /* cannot wait for a patrol */
};

/* The first word that is not empty; NULL: nobody reads. */
static uint32_t *words_find(struct shared_rwlock *lock, uint32_t *seen)
{
    for (int i = 0; i < SHARED_READERS; i++)
        if ((*seen = atom_load(&lock->readers[i], SEQ_CST)) != 0) /* pairs with word_leave */
            return &lock->readers[i];
    return NULL;
}

static int drain_attempt(void *object)
{
    struct drain_call *call = object;
    uint32_t seen, *word;
    while ((word = words_find(call->lock, &seen)) != NULL) {
        bool asks = call->asks || (seen & ~READER_W) == call->waits_for;
        if (!asks || !is_dead(call->lock, seen))
            return -EAGAIN;
        atom_cas(word, &seen, 0, ACQUIRE);
    }
    return 0;
}

static int drain_words(void *object, struct wait_word *words)
{
    struct drain_call *call = object;
    uint32_t seen, *word = words_find(call->lock, &seen);
    if (!word)
        return 0;
    bool anew = (seen & ~READER_W) != call->waits_for;
    call->waits_for = seen & ~READER_W;
    if (anew && is_dead(call->lock, seen))
        return 0; /* drain_attempt empties it */
    if (!(seen & READER_W) && !atom_cas(word, &seen, seen | READER_W, ACQUIRE))
        return 0;
    words[0] =
        (struct wait_word){.word = word, .seen = seen | READER_W, .shared = true, .looks = true};
    return 1;
}

static bool drain_spin(struct shared_rwlock *lock)
{
    uint32_t seen;
    if (!sync_may_spin() || wait_current->carrier->is_coroutine)
        return false;
    for (int look = 0; look < LOOKS; look++) {
        os_relax();
        if (!words_find(lock, &seen))
            return true;
    }
    return false;
}

/* Else step 7. `told`: of a death inside, which the next one must be told of again. */
static int drain(struct shared_rwlock *lock, bool told, int64_t deadline, bool done, void *place)
{
    static const struct wait_call wait = {drain_attempt, drain_words, "acquire", "rwlock"};
    struct drain_call call = {.lock = lock, .asks = deadline == 0};
    uint32_t seen;
    atom_or(&lock->gate.word, 0, SEQ_CST);
    if (likely(!words_find(lock, &seen)) || (deadline != 0 && drain_spin(lock)))
        return 0;
    int rc = done ? wait_until_done(&wait, &call, lock, place)
                  : wait_until(&wait, &call, lock, deadline, place);
    if (rc != 0 && told)
        shared_lock_put_back(&lock->gate);
    else if (rc != 0)
        shared_lock_release(&lock->gate, place);
    return rc;
}

/* ---- the calls */

/* Steps 1 and 2. */
static bool read_try(struct shared_rwlock *lock, struct robust_thread *here)
{
    if (gate_is_shut(lock)) /* a hint, since step 2 looks again; saves two changes */
        return false;
    int entry = word_take(lock, here);
    if (entry == BY_GATE)
        return false;
    if (unlikely(gate_is_shut(lock))) {
        if (note_find(here, lock, 0) < 0)
            word_leave(lock, here, entry);
        return false;
    }
    note_push(here, lock, entry);
    return true;
}

/* Step 3 from the gate on. */
static int read_by_gate(struct shared_rwlock *lock, int64_t deadline, bool done, void *place)
{
    int rc = gate_take(lock, deadline, done, place);
    if (rc == -EOWNERDEAD) { /* must be alone, and beside the dead writer readers may be inside */
        int drained = drain(lock, true, deadline, done, place);
        return drained ? drained : rc;
    }
    if (rc == 0) {
        int entry = word_take(lock, robust_current);
        note_push(robust_current, lock, entry);
        if (entry != BY_GATE)
            shared_lock_release(&lock->gate, place);
    }
    return rc;
}

int shared_rwlock_read(struct shared_rwlock *lock, int64_t deadline, bool done, void *place)
{
    struct robust_thread *here = robust_here();
    if (unlikely(!here || here->read_count == ROBUST_READS_MOST))
        return -ENOLCK;
    int known = note_find(here, lock, my_task());
    if (known >= 0) {
        note_push(here, lock, here->reads[known].entry);
        return 0;
    }
    if (read_try(lock, here) || (deadline != 0 && gate_opens(lock) && read_try(lock, here)))
        return 0;
    return read_by_gate(lock, deadline, done, place);
}

int shared_rwlock_write(struct shared_rwlock *lock, int64_t deadline, bool done, void *place)
{
    if (note_find(robust_current, lock, my_task()) >= 0)
        return -EDEADLK;
    int rc = gate_take(lock, deadline, done, place);
    if (rc != 0 && rc != -EOWNERDEAD)
        return rc;
    int drained = drain(lock, rc == -EOWNERDEAD, deadline, done, place);
    if (drained != 0)
        return drained;
    atom_store(&lock->writes, 1, RELAXED);
    return rc;
}

/* Step 9. */
static void write_leave(struct shared_rwlock *lock, void *place)
{
    if (!(atom_load(&lock->gate.word, RELAXED) & ROBUST_DIED))
        atom_store(&lock->writes, 0, RELAXED);
    shared_lock_release(&lock->gate, place);
}

bool shared_rwlock_release(struct shared_rwlock *lock, void *place)
{
    struct robust_thread *here = robust_current;
    int i = note_find(here, lock, my_task());
    if (i < 0) {
        if (!shared_lock_is_mine(&lock->gate))
            return false;
        write_leave(lock, place);
        return true;
    }
    int entry = here->reads[i].entry;
    if (!note_drop(here, i))
        return true;
    if (entry == BY_GATE)
        shared_lock_release(&lock->gate, place);
    else
        word_leave(lock, here, entry);
    return true;
}

bool shared_rwlock_downgrade(struct shared_rwlock *lock, void *place)
{
    struct robust_thread *here = robust_current;
    if (!shared_lock_is_mine(&lock->gate) || note_find(here, lock, my_task()) >= 0)
        return false;
    if (here->read_count == ROBUST_READS_MOST)
        return true; /* goes on alone, since no note fits; it is as good for it */
    int entry = word_take(lock, here);
    note_push(here, lock, entry);
    if (entry != BY_GATE)
        write_leave(lock, place);
    else if (!(atom_load(&lock->gate.word, RELAXED) & ROBUST_DIED))
        atom_store(&lock->writes, 0, RELAXED);
    return true;
}

bool shared_rwlock_has(const struct shared_rwlock *lock)
{
    return shared_lock_is_mine(&lock->gate) || note_find(robust_current, lock, my_task()) >= 0;
}
