#include "wait/held.h"
#include "base/spin.h"
#include "os/os.h"
#include "os/sanitizer.h"

enum { CHUNK = 65536 };

static struct {
    base_spin lock;
    struct wait_held *free;
} lists;

/* A whole chunk at once and by mmap, because tasks come here from where libc's lock must not be
 * taken. */
static void lists_grow(void)
{
    struct wait_held *chunk = os_map(CHUNK);
    for (size_t i = 0; chunk && i < CHUNK / sizeof *chunk; i++) {
        chunk[i].next_free = lists.free;
        lists.free = &chunk[i];
    }
}

static struct wait_held *held_new(void)
{
    base_spin_lock(&lists.lock);
    if (!lists.free)
        lists_grow();
    struct wait_held *held = lists.free;
    if (held)
        lists.free = held->next_free;
    base_spin_unlock(&lists.lock);
    return held;
}

void wait_held_push_slowly(struct wait_self *self, struct wait_held_one one)
{
    struct wait_held *held = self->held;
    if (held) {
        held->more++;
        return;
    }
    if (!(held = held_new()))
        return;
    wait_held_write(&held->one[0], &one);
    atom_store(&held->count, 1, RELAXED);
    atom_store(&self->held, held, RELEASE); /* pairs with the ACQUIRE of those who look */
}

static void held_close_gap(struct wait_held *held, uint32_t at)
{
    for (uint32_t i = at; i + 1 < held->count; i++)
        wait_held_write(&held->one[i], &held->one[i + 1]);
    atom_store(&held->count, held->count - 1, RELEASE);
}

void wait_held_pop_slowly(struct wait_self *self, const void *object)
{
    struct wait_held *held = self->held;
    if (!held)
        return;
    for (uint32_t i = held->count; i-- > 0;)
        if (held->one[i].object == object) {
            held_close_gap(held, i);
            return;
        }
    held->more -= held->more > 0;
}

void wait_held_drop(struct wait_self *self)
{
    struct wait_held *held = self->held;
    if (!held)
        return;
    atom_store(&self->held, NULL, RELAXED);
    atom_store(&held->count, 0, RELAXED);
    held->more = 0;
    base_spin_lock(&lists.lock);
    held->next_free = lists.free;
    lists.free = held;
    base_spin_unlock(&lists.lock);
}

/* Because another thread of the parent may have held the lock. At worst a list is lost. */
void wait_held_after_fork(void)
{
    lists.lock = (base_spin){0};
}

OS_READS_HINTS bool wait_held_last(const struct wait_self *self, struct wait_held_one *one)
{
    const struct wait_held *held = atom_load(&self->held, ACQUIRE);
    uint32_t count = held ? atom_load(&held->count, ACQUIRE) : 0;
    if (count == 0)
        return false;
    one->object = atom_load(&held->one[count - 1].object, RELAXED);
    one->type = atom_load(&held->one[count - 1].type, RELAXED);
    one->place = atom_load(&held->one[count - 1].place, RELAXED);
    one->mark = atom_load(&held->one[count - 1].mark, RELAXED);
    return true;
}

OS_READS_HINTS bool wait_held_has(const struct wait_self *self, const void *object)
{
    const struct wait_held *held = atom_load(&self->held, ACQUIRE);
    uint32_t count = held ? atom_load(&held->count, ACQUIRE) : 0;
    for (uint32_t i = 0; i < count; i++)
        if (atom_load(&held->one[i].object, RELAXED) == object)
            return true;
    return false;
}
