/* The rare ways of a reader, and the writer's look; apart, so that the straight lines of readers.h
 * stay short. */
#include "sync/readers.h"
#include "os/os.h"

#include <limits.h>

union readers_entry readers_table[READERS_COLUMNS][READERS_ROWS] __attribute__((aligned(64)));
static uint32_t in_order; /* wait_forks when the table was last in order */

/* Everything that is counted, but by the forker, is the parent's, and must go: otherwise a writer
 * here would wait for readers who will never leave. */
static void readers_restore(void)
{
    const struct task_reads *reads = &((struct task_record *)wait_forker)->reads;
    uint64_t id[TASK_READS];
    for (uint32_t i = 0; i < reads->count; i++) {
        union readers_entry *entry = reads->entry[i];
        id[i] = entry->both >> READERS_ID << READERS_ID;
        if (readers_is_own(entry))
            entry->both = 0;
    }
    memset(readers_table, 0, sizeof readers_table);
    uint64_t columns = 0;
    for (uint32_t i = 0; i < reads->count; i++) {
        union readers_entry *entry = reads->entry[i];
        bool own = readers_is_own(entry);
        entry->both |= own ? (uint64_t)wait_forks << 32 : id[i];
        entry->both += READERS_ONE;
        if (!own)
            columns |= UINT64_C(1) << (entry - readers_table[0]) / READERS_ROWS;
    }
    /* Last, because a column in use tells everybody that the table is in order. */
    atom_or(&task_read_columns, columns, SEQ_CST);
}

/* The first of this process does it, the others wait for him, since a count of before would be lost
 * or counted twice. */
void readers_settle(void)
{
    static uint32_t claimed;
    uint32_t before = atom_load(&claimed, RELAXED);
    if (likely(atom_load(&in_order, ACQUIRE) == wait_forks))
        return;
    if (before != wait_forks && atom_cas(&claimed, &before, wait_forks, ACQUIRE)) {
        readers_restore();
        atom_store(&in_order, wait_forks, RELEASE); /* pairs with the load below */
    }
    while (atom_load(&in_order, ACQUIRE) != wait_forks)
        os_yield();
}

/* The count inside the lock. One of another generation is nobody's, because those of the forker
 * have been brought over by readers_restore. */
static uint64_t own_now(union readers_entry *own)
{
    uint64_t seen = atom_load(&own->both, SEQ_CST), fresh = (uint64_t)wait_forks << 32;
    while (unlikely(seen >> 32 != wait_forks))
        if (atom_cas(&own->both, &seen, fresh, SEQ_CST))
            return fresh;
    return seen;
}

union readers_entry *readers_enter_own(union readers_entry *own)
{
    readers_settle();
    uint64_t seen = own_now(own);
    while (!atom_cas(&own->both, &seen, seen + READERS_ONE, SEQ_CST))
        ;
    return own;
}

union readers_entry *readers_enter(const void *lock, union readers_entry *own)
{
    uint64_t column = UINT64_C(1) << os_cpu_hint() % READERS_COLUMNS;
    readers_settle();
    if (!(atom_load(&task_read_columns, RELAXED) & column))
        atom_or(&task_read_columns, column, SEQ_CST); /* must come before the look at the gate */
    union readers_entry *entry =
        (uintptr_t)lock >> (64 - READERS_ID) ? NULL : readers_enter_here(lock);
    return entry ? entry : readers_enter_own(own);
}

void readers_wake(union readers_entry *entry)
{
    wait_unpark(&entry->word, INT_MAX, false);
}

void readers_leave(union readers_entry *entry)
{
    if (!readers_is_own(entry)) {
        readers_leave_here(entry);
        return;
    }
    uint64_t seen = own_now(entry), next;
    do
        next = (uint32_t)(seen - READERS_ONE) <= READERS_W ? seen >> 32 << 32 : seen - READERS_ONE;
    while (!atom_cas(&entry->both, &seen, next, RELEASE)); /* pairs with own_now */
    if ((uint32_t)next == 0 && seen & READERS_W)
        readers_wake(entry);
}

union readers_entry *readers_find(const void *lock, union readers_entry *own)
{
    unsigned row = readers_row(lock);
    readers_settle();
    for (uint64_t rest = atom_load(&task_read_columns, SEQ_CST); rest; rest &= rest - 1) {
        union readers_entry *entry = &readers_table[__builtin_ctzll(rest)][row];
        uint64_t seen = atom_load(&entry->both, SEQ_CST); /* pairs with readers_leave_here */
        if (seen >> READERS_ID == (uintptr_t)lock)
            return entry;
    }
    return (uint32_t)own_now(own) >= READERS_ONE ? own : NULL;
}

bool readers_ask(const void *lock, union readers_entry *own, union readers_entry *entry,
                 uint32_t *seen)
{
    uint64_t now = atom_load(&entry->both, RELAXED);
    bool is_read =
        entry == own ? (uint32_t)now >= READERS_ONE : now >> READERS_ID == (uintptr_t)lock;
    *seen = (uint32_t)now | READERS_W;
    return is_read && atom_cas(&entry->both, &now, now | READERS_W, ACQUIRE);
}
