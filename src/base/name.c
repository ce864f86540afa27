/* Names of objects, for messages. The objects are plain structs of the user with no room for a
 * name, so the names lie beside them in a table by address.
 *
 * Open addressing with linear probing: one block of memory, so that nothing is allocated or freed
 * while the lock is held but the pointer to the block changes hands. The rejected alternative, a
 * chain of single records, costs an allocation per name under the lock or a free list of its own.
 * Removal shifts back what follows, because marks for "was here" would fill a table that is used
 * for many short-lived objects. */
#include "base/atomic.h"
#include "base/report.h"
#include "base/spin.h"
#include "os/os.h"
#include <errno.h>
#include <plait/error.h>

enum { NAME_MOST = 63, FIRST_SLOTS = 64 };

struct slot {
    const void *object; /* NULL: free */
    char name[NAME_MOST + 1];
};

struct table {
    size_t mask; /* slots - 1 */
    size_t used;
    struct slot slots[];
};

static base_spin lock; /* guards the table, and the writers of plait_on_report */
static struct table *table;

/* This thread holds the lock. A message may come from the handler of a stack overflow that happened
 * in here: only then would it wait for itself. Initial-exec, because the first use of any other
 * thread-local in a library allocates. */
static _Thread_local volatile bool holding __attribute__((tls_model("initial-exec")));

static void table_lock(void)
{
    holding = true;
    base_spin_lock(&lock);
}

static void table_unlock(void)
{
    base_spin_unlock(&lock);
    holding = false;
}

void base_name_fork_prepare(void)
{
    table_lock();
}

void base_name_fork_done(void)
{
    table_unlock();
}

/* Fibonacci hashing: addresses differ in their middle bits. */
static size_t home_of(const struct table *in, const void *object)
{
    return (size_t)(((uint64_t)(uintptr_t)object * 0x9e3779b97f4a7c15u) >> 20) & in->mask;
}

/* The object's slot, else the free one where it belongs. Ends, because a table is never full. */
static struct slot *slot_of(struct table *in, const void *object)
{
    size_t at = home_of(in, object);
    while (in->slots[at].object && in->slots[at].object != object)
        at = (at + 1) & in->mask;
    return &in->slots[at];
}

static bool is_full(const struct table *in)
{
    return !in || in->used * 4 >= (in->mask + 1) * 3;
}

static struct table *table_new(size_t slots)
{
    struct table *new = os_alloc(sizeof *new + slots * sizeof new->slots[0]);
    if (new)
        new->mask = slots - 1;
    return new;
}

static void move_all(struct table *to, struct table *from)
{
    for (size_t i = 0; from && i <= from->mask; i++) {
        if (!from->slots[i].object)
            continue;
        *slot_of(to, from->slots[i].object) = from->slots[i];
        to->used++;
    }
}

/* Returns with the lock held and room for one more, or with -ENOMEM and without the lock. Memory is
 * asked for outside the lock, since that may take long or take libc's lock; so the table is looked
 * at again afterwards: somebody else may have grown it. */
static int lock_with_room(void)
{
    table_lock();
    while (is_full(table)) {
        size_t slots = table ? (table->mask + 1) * 2 : FIRST_SLOTS;
        table_unlock();
        struct table *new = table_new(slots), *old = new;
        if (!new)
            return -ENOMEM;
        table_lock();
        if (is_full(table) && (!table || table->mask + 1 < slots)) {
            move_all(new, table);
            old = table;
            atom_store(&table, new, RELAXED);
        }
        table_unlock();
        os_free(old);
        table_lock();
    }
    return 0;
}

/* At most NAME_MOST bytes, never half of a UTF-8 character: all its bytes but the first are
 * 10xxxxxx. */
static void copy_cut(char *to, const char *name)
{
    size_t length = strnlen(name, NAME_MOST + 1);
    if (length > NAME_MOST)
        for (length = NAME_MOST; length > 0 && ((unsigned char)name[length] & 0xc0) == 0x80;)
            length--;
    memcpy(to, name, length);
    to[length] = '\0';
}

int base_name_set(const void *object, const char *name)
{
    if (!object)
        return 0;
    if (!name) {
        base_name_forget(object);
        return 0;
    }
    int result = lock_with_room();
    if (result != 0)
        return result;
    struct slot *slot = slot_of(table, object);
    table->used += slot->object == NULL;
    slot->object = object;
    copy_cut(slot->name, name);
    table_unlock();
    return 0;
}

/* Closes the gap at `hole`: a later slot of the same run moves there unless its home lies behind
 * the hole. */
static void close_gap(struct table *in, size_t hole)
{
    for (size_t at = (hole + 1) & in->mask; in->slots[at].object; at = (at + 1) & in->mask) {
        size_t home = home_of(in, in->slots[at].object);
        if (((at - home) & in->mask) < ((at - hole) & in->mask))
            continue;
        in->slots[hole] = in->slots[at];
        hole = at;
    }
    in->slots[hole].object = NULL;
}

void base_name_forget(const void *object)
{
    if (!object ||
        !atom_load(&table, RELAXED)) /* most programs name nothing, and all free something */
        return;
    table_lock();
    struct slot *slot = slot_of(table, object);
    if (slot->object) {
        close_gap(table, (size_t)(slot - table->slots));
        table->used--;
    }
    table_unlock();
}

static bool copy_name(const void *object, char *text, size_t size)
{
    if (holding || !atom_load(&table, RELAXED)) /* a message without a name is better than none */
        return false;
    table_lock();
    struct slot *slot = slot_of(table, object);
    bool known = slot->object != NULL;
    if (known)
        base_format(text, size, "%s", slot->name);
    table_unlock();
    return known;
}

const char *base_name_of(const void *object, const char *type, char *text, size_t size)
{
    if (!object)
        base_format(text, size, "%s", type);
    else if (!copy_name(object, text, size) && !base_symbol(object, text, size))
        base_format(text, size, "%s@%p", type, object);
    return text;
}

void plait_name(const void *object, const char *name)
{
    base_name_set(object, name); /* out of memory: the message will say its address */
}
