/* Who reads which reader-writer lock: counts that readers on different CPUs keep in different
 * cache lines.
 *
 * Problem: readers do not disturb each other, but a count of them does: each adds to it twice, and
 * its line then travels between the CPUs for 50 to 100 ns a time, several times what the section
 * takes. Obvious idea: some counts inside each lock, one for each CPU. But the lock has 128 bytes,
 * two lines, and one of them must hold what all readers only look at. So the counts lie in a table
 * of the whole program, as in BRAVO (Dice and Kogan 2019): a column for each CPU, in each column an
 * entry chosen by the lock's address. (BRAVO chooses by thread and writers search all of a table of
 * 4,096; here a writer looks at one entry for each CPU that ever read.)
 *
 * An entry, in one word of 64 bits:
 *   bit 0       W: the writer of that lock sleeps until this entry is empty
 *   bits 1-15   how many read by this entry
 *   bits 16-63  the lock's address; 0: nobody reads by it
 * The count inside the lock, for a reader whose entry another lock has, in the same order:
 *   bit 0 W, bits 1-31 how many; bits 32-63 generation (wait_forks), a count of another one is not
 *   of this process' tasks
 *
 * A reader enters by one compare-and-swap and leaves by one. When the last one of an entry takes a
 * W off, it wakes by the entry's address. So nothing of the lock is touched after the step that
 * lets the writer in, and that one may free the lock. */
#ifndef SYNC_READERS_H
#define SYNC_READERS_H

#include "os/cpu.h"
#include "task/task.h"

enum { READERS_W = 1, READERS_ONE = 2, READERS_ID = 16, READERS_COLUMNS = 64, READERS_ROWS = 64 };
#define READERS_COUNT UINT64_C(0xfffe)

union readers_entry {
    uint64_t both;
    uint32_t word; /* what a writer sleeps on: the lower half, as the machines of os/ have it */
};

extern WAIT_HOT union readers_entry readers_table[READERS_COLUMNS][READERS_ROWS];

static inline uint64_t readers_id(const void *lock)
{
    return (uint64_t)(uintptr_t)lock << READERS_ID;
}

static inline unsigned readers_row(const void *lock)
{
    return (unsigned)(((uintptr_t)lock >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 58);
}

/* The table is in order for this process; otherwise readers_settle. */
static inline bool readers_are_settled(void)
{
    return likely(atom_load(&task_read_columns, ACQUIRE) != 0); /* pairs with readers_restore */
}

/* Enters by the entry of this CPU; NULL: not by the straight way. The caller looks afterwards
 * whether a writer was first; both are SEQ_CST, as the writer's two steps are, so that one of the
 * two sees the other. */
static inline __attribute__((always_inline)) union readers_entry *
readers_enter_here(const void *lock)
{
    unsigned column = os_cpu_hint() % READERS_COLUMNS;
    if (unlikely(!(atom_load(&task_read_columns, ACQUIRE) >> column & 1)))
        return NULL;
    union readers_entry *entry = &readers_table[column][readers_row(lock)];
    uint64_t id = readers_id(lock), seen = atom_load(&entry->both, RELAXED);
    uint64_t next = likely(seen == 0) ? id | READERS_ONE : seen + READERS_ONE;
    if (unlikely(seen != 0 && (seen >> READERS_ID != id >> READERS_ID ||
                               (seen & READERS_COUNT) == READERS_COUNT)))
        return NULL;
    return likely(atom_cas(&entry->both, &seen, next, SEQ_CST)) ? entry : NULL;
}

/* Is it the count inside a lock, and no entry of the table? Told by the address alone, because what
 * lies there may be gone. */
static inline bool readers_is_own(const union readers_entry *entry)
{
    return (uintptr_t)entry - (uintptr_t)readers_table >= sizeof readers_table;
}

void readers_wake(union readers_entry *entry);

/* Leaves by an entry of the table, which becomes free with the last one, since another lock may
 * want it. */
static inline void readers_leave_here(union readers_entry *entry)
{
    uint64_t seen = atom_load(&entry->both, RELAXED), next;
    do
        next = (seen & READERS_COUNT) == READERS_ONE ? 0 : seen - READERS_ONE;
    while (unlikely(!atom_cas(&entry->both, &seen, next, RELEASE))); /* pairs with readers_find */
    if (unlikely(next == 0 && seen & READERS_W))
        readers_wake(entry);
}

/* To be called before a task's list changes in a way that is not straight: in the child of a fork
 * only what the forker reads is left, which his list tells. */
void readers_settle(void);
/* Enters with patience: never NULL. `own` is the count inside the lock. */
union readers_entry *readers_enter(const void *lock, union readers_entry *own);
/* By the count inside the lock, which a writer looks at last: so who reads already may enter once
 * more even while a writer waits for him. */
union readers_entry *readers_enter_own(union readers_entry *own);
void readers_leave(union readers_entry *entry);
/* One by which somebody reads the lock; NULL: nobody does. */
union readers_entry *readers_find(const void *lock, union readers_entry *own);
/* Sets W, for a writer that is about to sleep on entry->word; *seen is its value then. False: look
 * again. */
bool readers_ask(const void *lock, union readers_entry *own, union readers_entry *entry,
                 uint32_t *seen);

#endif
