/* The table of tasks: chunks that are never given back, so that a late look at a slot is always a
 * look at a slot. */
#include "base/report.h"
#include "base/spin.h"
#include "os/os.h"
#include "task/task.h"

enum { CHUNK_FIRST_BITS = 8, CHUNKS = 24, SERIAL_BITS = 32, SLOTS_KEPT = 62, WORKERS_MOST = 64 };

/* The first chunk is there from the start, so that the main task's first call cannot fail. */
static struct task_slot first_chunk[1 << CHUNK_FIRST_BITS];

/* Chunk k holds 256 << k slots, so that the table grows without ever moving. */
static struct {
    base_spin lock;
    struct task_slot *chunks[CHUNKS];
    uint32_t limit; /* slots handed out at least once */
    uint32_t free;  /* first free one + 1, linked by id */
} table = {.chunks = {first_chunk}};

static uint32_t chunk_of(uint32_t number, uint32_t *offset)
{
    uint32_t biased = number + (1u << CHUNK_FIRST_BITS);
    uint32_t top = 31 - (uint32_t)__builtin_clz(biased);
    *offset = biased - (1u << top);
    return top - CHUNK_FIRST_BITS;
}

struct task_slot *slot_at(uint32_t number)
{
    uint32_t offset, chunk = chunk_of(number, &offset);
    return &atom_load(&table.chunks[chunk], ACQUIRE)[offset];
}

uint32_t slot_limit(void)
{
    return atom_load(&table.limit, ACQUIRE);
}

/* A slot never used before; NULL: no memory, or 2^31 tasks. */
static struct task_slot *slot_grow(uint32_t *number)
{
    uint32_t offset, chunk = chunk_of(table.limit, &offset);
    if (chunk >= CHUNKS)
        return NULL;
    if (!table.chunks[chunk]) {
        struct task_slot *made = os_map(sizeof *made << (chunk + CHUNK_FIRST_BITS));
        if (!made)
            return NULL;
        atom_store(&table.chunks[chunk], made, RELEASE); /* pairs with the ACQUIRE of slot_at */
    }
    *number = table.limit;
    atom_store(&table.limit, table.limit + 1, RELEASE);
    return slot_at(*number);
}

/* A few free slots of each worker, which its thread alone touches: most tasks start and end on one
 * worker, and the table's lock would be half the price of a short one. */
static struct slot_cache {
    uint32_t count, numbers[SLOTS_KEPT];
} caches[WORKERS_MOST] __attribute__((aligned(64)));

static struct slot_cache *cache_here(void)
{
    int worker = sched_worker_index();
    return worker >= 0 && worker < WORKERS_MOST ? &caches[worker] : NULL;
}

static struct task_slot *slot_from_table(uint32_t *number)
{
    struct task_slot *slot;
    base_spin_lock(&table.lock);
    if (table.free) {
        *number = table.free - 1;
        slot = slot_at(*number);
        table.free = (uint32_t)slot->id;
    } else {
        slot = slot_grow(number);
    }
    base_spin_unlock(&table.lock);
    return slot;
}

struct task_slot *slot_new(uint32_t *number)
{
    struct slot_cache *cache = cache_here();
    struct task_slot *slot;
    if (cache && cache->count) {
        *number = cache->numbers[--cache->count];
        slot = slot_at(*number);
    } else if (!(slot = slot_from_table(number))) {
        return NULL;
    }
    atom_store(&slot->status, 0, RELAXED);
    atom_store(&slot->flags, 0, RELAXED);
    slot_set_record(slot, NULL);
    atom_store(&slot->state, PLAIT_PENDING, RELAXED);
    atom_store(&slot->serial, slot->serial + 1, RELEASE);
    return slot;
}

void slot_free(uint32_t number)
{
    struct slot_cache *cache = cache_here();
    struct task_slot *slot = slot_at(number);
    atom_store(&slot->serial, slot->serial + 1, RELEASE);
    if (cache && cache->count < SLOTS_KEPT) {
        cache->numbers[cache->count++] = number;
        return;
    }
    base_spin_lock(&table.lock);
    atom_store(&slot->id, table.free, RELAXED); /* who visits all tasks may be reading it */
    table.free = number + 1;
    base_spin_unlock(&table.lock);
}

plait_task *slot_handle(uint32_t number)
{
    uint64_t serial = atom_load(&slot_at(number)->serial, RELAXED);
    return (plait_task *)(uintptr_t)(serial << SERIAL_BITS | number);
}

uint32_t slot_number(const plait_task *task)
{
    return (uint32_t)(uintptr_t)task;
}

struct task_slot *slot_find(const plait_task *task)
{
    uint32_t number = slot_number(task), serial = (uint32_t)((uintptr_t)task >> SERIAL_BITS);
    struct task_slot *slot = number < slot_limit() ? slot_at(number) : NULL;
    return slot && serial & 1 && atom_load(&slot->serial, ACQUIRE) == serial ? slot : NULL;
}

/* The watcher, which is no task, may dump too, when a report asks for it. */
struct task_visit **slot_visits(void)
{
    static __thread struct task_visit *visit;
    struct task_record *me = (struct task_record *)wait_current;
    return me ? &me->visit : &visit;
}

static struct task_slot *slot_visited(const plait_task *task)
{
    struct task_visit *visit = *slot_visits();
    while (visit && visit->task != task)
        visit = visit->outer;
    return visit ? &visit->copy : NULL;
}

bool slot_is_visited(const plait_task *task)
{
    return slot_visited(task) != NULL;
}

struct task_slot *slot_of(const plait_task *task, const char *verb, void *place)
{
    if (!task)
        return slot_at(task_me()->slot);
    struct task_slot *slot = slot_find(task);
    if (unlikely(!slot) && !(slot = slot_visited(task)))
        base_misuse(task, "task", place,
                    "%s with a handle that is none: it was given back by a join or detach, belongs "
                    "to another process, or was never filled",
                    verb);
    return slot;
}

void slot_fork_prepare(void)
{
    base_spin_lock(&table.lock);
}

void slot_fork_done(void)
{
    base_spin_unlock(&table.lock);
}

/* The workers' own free slots are dropped, because a worker may have been between the count and the
 * number when the fork came. */
void slot_keep_only(uint32_t number)
{
    for (int i = 0; i < WORKERS_MOST; i++)
        if (caches[i].count)
            caches[i].count = 0;
    for (uint32_t i = 0; i < table.limit; i++)
        if (i != number && slot_at(i)->serial & 1)
            slot_free(i);
}
