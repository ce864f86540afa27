/* The stacks of coroutines.
 *
 * Chunks of address space hold stacks of one class (a power of two); chunks grow from 16 stacks to
 * 16,384, so that a million stacks need about 70 mappings and a program with ten coroutines
 * reserves 4 MB. Chunks are never unmapped: the table of chunks only grows, and a signal handler
 * may read it without a lock.
 *
 * The free stacks of a class lie in an array beside them, newest last. The obvious list through the
 * stacks themselves would make it impossible to give their top pages back: a million coroutines
 * that ended would hold 4 GB for ever.
 *
 * When does memory go back? Not at each give: madvise costs 0.7 us even if the stack was never
 * deep, more than all the rest of a coroutine's life. A canary word 8 KB below the top would tell
 * which were deep, but writing it makes a second page dirty in each of a million stacks. So
 * idleness decides: `low` is how many stacks were free all the time since the last look; those
 * beyond the KEEP newest were of no use in that time and are discarded whole, top page included. A
 * program that starts and ends coroutines in waves comes down to 0 in each wave and pays nothing.
 * base_stack_give looks each LOOK_GIVES calls if LOOK_NS have passed; the scheduler calls
 * base_stack_trim when it falls idle. */
#include "base/stack.h"
#include "base/atomic.h"
#include "base/report.h"
#include "base/settings.h"
#include "base/spin.h"
#include "os/os.h"

#include <errno.h>

/* KEEP free stacks of a class keep their memory. BATCH are discarded in one go with no lock
 * held, and TRIM_BATCHES in one call: about half a millisecond, so that an idle worker hears its
 * bell. */
enum {
    LEAST_SHIFT = 14,
    MOST_SHIFT = 30,
    CLASSES = MOST_SHIFT - LEAST_SHIFT + 1,
    CHUNKS = 1024,
    CHUNK_FIRST = 16,
    CHUNK_MOST = 16384,
    KEEP = 64,
    BATCH = 64,
    LOOK_GIVES = 256,
    TRIM_BATCHES = 8,
};
_Static_assert(BASE_STACK_LEAST == 1 << LEAST_SHIFT && BASE_STACK_MOST == 1 << MOST_SHIFT, "");
/* Stacks of a class. So large because the array for them is mere address space until it is used. */
#define FREE_MOST ((size_t)1 << 22)
/* A second, because a wave of 100,000 sleepers that ends within one would pay 3 us for each
 * stack. */
#define LOOK_NS (1000 * INT64_C(1000000))

/* Stacks [0, carved) of 1 << shift bytes each have been handed out once. `carved` is atomic,
 * because the handler of a guard hit reads it without the lock; the rest never changes. */
struct chunk {
    char *base;
    size_t count;
    unsigned shift;
    size_t carved;
};

/* free[0, count) are free, the newest last; both are written under the lock, but atomic, because
 * the handler reads them without.
 *   cold        free[0, cold) have been discarded
 *   floor       free[0, floor) are being discarded, so they must not be taken
 *   low         the least count since `looked`, when the last look was complete
 *   chunk       the one that has stacks which nobody used yet; next_chunk: how many the next gets
 *   made        stacks in all chunks; not above FREE_MOST, so that `free` has room for all */
struct stack_class {
    void **free;
    size_t count, cold, floor, low;
    int64_t looked;
    uint64_t gives;
    struct chunk *chunk;
    size_t next_chunk, made;
};

/* Guards all below but what is said to be atomic; chunks [0, chunk_count) are published for
 * good. */
static base_spin lock;
static struct stack_class classes[CLASSES];
static struct chunk chunks[CHUNKS];
static size_t chunk_count;

static unsigned shift_of(size_t size)
{
    unsigned shift = LEAST_SHIFT;
    while (shift <= MOST_SHIFT && ((size_t)1 << shift) < size)
        shift++;
    return shift;
}

static struct stack_class *class_of(unsigned shift)
{
    return &classes[shift - LEAST_SHIFT];
}

/* As many as planned, else half as many and so on: an RLIMIT_AS or a strict overcommit that refuses
 * 4 GB may allow 4 MB. */
static void *map_stacks(size_t *count, unsigned shift)
{
    for (; *count > 0; *count /= 2) {
        void *base = os_map(*count << shift);
        if (base)
            return base;
    }
    return NULL;
}

static struct chunk *chunk_new(struct stack_class *of, unsigned shift)
{
    size_t number = chunk_count, count = of->next_chunk ? of->next_chunk : CHUNK_FIRST;
    if (!of->free && !(of->free = os_map(FREE_MOST * sizeof *of->free)))
        return NULL;
    if (number == CHUNKS || of->made + count > FREE_MOST)
        return NULL;
    char *base = map_stacks(&count, shift);
    if (!base)
        return NULL;
    chunks[number] = (struct chunk){.base = base, .count = count, .shift = shift};
    atom_store(&chunk_count, number + 1,
               RELEASE); /* publishes the chunk; pairs with the load of chunk_at */
    of->made += count;
    of->next_chunk = count < CHUNK_MOST ? count * 2 : CHUNK_MOST;
    return &chunks[number];
}

/* With the lock held; mapping a chunk then is rare, and whoever waits for the lock wants what it
 * brings. */
static void *carve(struct stack_class *of, unsigned shift)
{
    if (!of->chunk || of->chunk->carved == of->chunk->count)
        of->chunk = chunk_new(of, shift);
    if (!of->chunk)
        return NULL;
    size_t number = of->chunk->carved;
    atom_store(&of->chunk->carved, number + 1, RELAXED);
    return of->chunk->base + (number << shift);
}

/* ---- the array of free ones: an entry is the address, plus 1 while there is no guard yet */

static void push(struct stack_class *on, void *entry)
{
    atom_store(&on->free[on->count], entry, RELAXED);
    atom_store(&on->count, on->count + 1, RELAXED);
}

static void *pop(struct stack_class *from)
{
    if (from->count <= from->floor)
        return NULL;
    size_t at = from->count - 1;
    atom_store(&from->count, at, RELAXED);
    if (from->cold > at)
        from->cold = at;
    if (from->low > at)
        from->low = at;
    return from->free[at];
}

static void *take(unsigned shift)
{
    base_spin_lock(&lock);
    char *entry = pop(class_of(shift));
    if (!entry && (entry = carve(class_of(shift), shift)))
        entry++;
    base_spin_unlock(&lock);
    return entry;
}

/* The settings come first, since PLAIT_OS may say that this kernel's guards are not to be used.
 * Going on without guards was rejected: an overflow would silently write over the next stack. */
static int guard(void *stack)
{
    static uint32_t told;
    base_settings();
    int rc = os_guard(stack, OS_PAGE);
    if (rc == -ENOMEM && !os_has(OS_GUARD) && !atom_swap(&told, 1, RELAXED))
        base_report(PLAIT_REPORT_DROPPED,
                    "no guard page for one more stack: this process has as many mappings as the "
                    "sysctl vm.max_map_count allows, and without guards of Linux 6.13 or later "
                    "each stack takes two");
    return rc;
}

void *base_stack_take(size_t *size)
{
    unsigned shift = shift_of(*size);
    if (shift > MOST_SHIFT)
        return NULL;
    char *entry = take(shift);
    if (!entry)
        return NULL;
    /* With no lock held, because it is a system call. */
    if ((uintptr_t)entry & 1 && guard(entry - 1) != 0) {
        base_spin_lock(&lock);
        push(class_of(shift),
             entry); /* without its guard it is no stack, but it can be tried again */
        base_spin_unlock(&lock);
        return NULL;
    }
    *size = (size_t)1 << shift;
    return entry - ((uintptr_t)entry & 1);
}

/* ---- giving memory back */

/* Takes up to BATCH stacks out of reach and says where they begin; with the lock held. `floor`
 * keeps them out of use, rather than taking them out of the array: they are at its old end, and all
 * newer ones would have to move. */
static size_t batch_begin(struct stack_class *of, size_t *first)
{
    size_t idle = of->low > KEEP ? of->low - KEEP : 0;
    *first = of->cold;
    if (of->floor || idle <= of->cold)
        return 0;
    size_t count = idle - of->cold < BATCH ? idle - of->cold : BATCH;
    of->floor = of->cold + count;
    return count;
}

static bool discard_batch(struct stack_class *of, unsigned shift)
{
    size_t first, count;
    base_spin_lock(&lock);
    count = batch_begin(of, &first);
    base_spin_unlock(&lock);
    for (size_t i = first; i < first + count; i++) {
        uintptr_t entry = (uintptr_t)of->free[i];
        if (!(entry & 1))
            os_discard((char *)entry + OS_PAGE, ((size_t)1 << shift) - OS_PAGE);
    }
    base_spin_lock(&lock);
    if (count) {
        of->cold = of->floor;
        of->floor = 0;
    }
    base_spin_unlock(&lock);
    return count == BATCH;
}

/* With the lock held: when there will be something to discard. */
static int64_t next_look(const struct stack_class *at)
{
    if (at->count <= at->cold + KEEP)
        return OS_NEVER;
    return at->looked + LOOK_NS;
}

/* A look, if it is time: ends the interval only when all that was idle in it has been discarded.
 * Returns when to look again. */
static int64_t look(struct stack_class *at, unsigned shift, int64_t now, int batches)
{
    bool more = true;
    base_spin_lock(&lock);
    int64_t due = next_look(at);
    base_spin_unlock(&lock);
    if (due > now)
        return due;
    while (more && batches-- > 0)
        more = discard_batch(at, shift);
    base_spin_lock(&lock);
    if (!more) {
        at->low = at->count;
        at->looked = now;
    }
    due = next_look(at);
    base_spin_unlock(&lock);
    return due;
}

int64_t base_stack_trim(int64_t now)
{
    int64_t first = OS_NEVER;
    for (unsigned shift = LEAST_SHIFT; shift <= MOST_SHIFT; shift++) {
        struct stack_class *at = class_of(shift);
        int64_t due =
            atom_load(&at->count, RELAXED) > KEEP ? look(at, shift, now, TRIM_BATCHES) : OS_NEVER;
        first = due < first ? due : first;
    }
    return first;
}

void base_stack_give_some(void *const *stacks, int count, size_t size)
{
    unsigned shift = shift_of(size);
    struct stack_class *to = class_of(shift);
    base_spin_lock(&lock);
    uint64_t before = to->gives;
    to->gives += (uint64_t)count;
    for (int i = 0; i < count; i++)
        push(to, stacks[i]);
    bool is_time = to->gives / LOOK_GIVES != before / LOOK_GIVES && to->count > KEEP;
    base_spin_unlock(&lock);
    if (is_time)
        look(to, shift, os_now(), 1); /* one batch: a coroutine's end must not take a millisecond */
}

void base_stack_give(void *stack, size_t size)
{
    base_stack_give_some(&stack, 1, size);
}

int base_stack_take_used(void **stacks, int most, size_t size)
{
    struct stack_class *from = class_of(shift_of(size));
    int count = 0;
    if (!atom_load(&from->count, RELAXED))
        return 0;
    base_spin_lock(&lock);
    while (count < most) {
        void *entry = pop(from);
        if ((uintptr_t)entry & 1)
            push(from, entry); /* it has no guard yet */
        if (!entry || (uintptr_t)entry & 1)
            break;
        stacks[count++] = entry;
    }
    base_spin_unlock(&lock);
    return count;
}

/* ---- the handler of a guard hit */

static const struct chunk *chunk_at(const char *address)
{
    size_t count = atom_load(&chunk_count, ACQUIRE); /* pairs with the store of chunk_new */
    for (size_t i = 0; i < count; i++)
        if (address >= chunks[i].base &&
            address < chunks[i].base + (chunks[i].count << chunks[i].shift))
            return &chunks[i];
    return NULL;
}

/* A search through all free ones, without the lock: slow, but this runs once in a program's life,
 * and marking each take and give for it would cost everybody. A stack in use does not come or go
 * meanwhile, so it is never found by mistake. */
static bool is_free(const void *stack, const struct stack_class *in)
{
    size_t count = atom_load(&in->count, RELAXED);
    for (size_t i = 0; i < count; i++)
        if (((uintptr_t)atom_load(&in->free[i], RELAXED) & ~(uintptr_t)1) == (uintptr_t)stack)
            return true;
    return false;
}

void *base_stack_of_guard(const void *address, size_t *size)
{
    const struct chunk *chunk = chunk_at(address);
    if (!chunk)
        return NULL;
    size_t inside = (size_t)((const char *)address - chunk->base), number = inside >> chunk->shift;
    char *stack = chunk->base + (number << chunk->shift);
    bool is_guard = (const char *)address < stack + OS_PAGE;
    if (!is_guard || number >= atom_load(&chunk->carved, RELAXED) ||
        is_free(stack, class_of(chunk->shift)))
        return NULL;
    *size = (size_t)1 << chunk->shift;
    return stack;
}

/* ---- fork */

/* A batch that another thread is discarding would stay out of reach in the child for ever, so wait
 * the 100 us until it is done. */
void base_stack_fork_prepare(void)
{
    for (;;) {
        bool discarding = false;
        base_spin_lock(&lock);
        for (int i = 0; i < CLASSES; i++)
            discarding |= classes[i].floor != 0;
        if (!discarding)
            return;
        base_spin_unlock(&lock);
        os_sleep(20000);
    }
}

void base_stack_fork_done(void)
{
    base_spin_unlock(&lock);
}
