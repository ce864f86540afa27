/* The roster of an area.
 *
 * Problem: whether a process that has the area open still lives must be known exactly, cheaply,
 * within 50 ms, whatever killed it, and before its first instruction. Obvious idea: note its pid.
 * But pids are used again, an executed program keeps its own, and a forked child's is known too
 * late. Instead each user has an open file description of the memory file, and by it holds a lock
 * on the byte of its index: the kernel drops it with the last descriptor of that description, at
 * exit, kill and exec. A parent opens and locks a child's description before the fork, so that
 * there is no moment in which the child runs unknown; and one system call tells whether anybody
 * else is there at all.
 *
 * Enter:
 *   1. lock the byte of an entry that is free or whose user is gone
 *   2. bury who was there before (4)
 *   3. fill it in, id last, with release order
 * Bury, by who has the byte locked:
 *   4. died if it did not leave, then id = 0. Killed in between: the next does it again, to the
 *      same end
 * Leave:
 *   5. id = 0 by the user itself, then close the description, which drops the lock
 * Ask whether all others are gone:
 *   6. does another description have any byte locked, but for this process' own opens? They are
 *      passed over, which takes several looks, so somebody may come behind the first of them
 *   7. lock the byte of each entry that has an id, bury (4), unlock it. One that is locked:
 *      somebody has come since 6, or is burying there and has not yet said that it was a death
 *   8. died, entered */
#include "share/inside.h"

#include <errno.h>
#include <unistd.h>

#define NOT_YET (UINT64_C(1) << 63)
#define INDEX UINT64_C(511)
enum { SERIAL_SHIFT = 9 };

base_spin share_lock;

/* Step 4. A process that was executed anew, or closed all its descriptors, lives: it has left. That
 * can be told, since a dead one's threads are gone for the kernel before its files are closed. */
static void bury(struct share_header *header, struct share_entry *entry)
{
    uint64_t id = atom_load(&entry->id, ACQUIRE); /* pairs with the release of enter */
    if (id && !(id & NOT_YET) && os_thread_is_gone((pid_t)atom_load(&entry->pid, RELAXED)))
        atom_store(&header->roster.died, 1, RELAXED);
    atom_store(&entry->id, 0, RELEASE); /* pairs with bury_all */
}

/* Steps 1 and 2: the index, or -errno. Entries in use are only looked at in the second round, since
 * most of them are of the living. */
static int claim(struct share_header *header, int file)
{
    for (int round = 0; round < 2; round++)
        for (uint32_t i = 0; i < SHARE_USERS; i++) {
            struct share_entry *entry = &header->entries[i];
            if (round == 0 && atom_load(&entry->id, RELAXED))
                continue;
            int rc = os_byte_lock(file, i);
            if (rc == -EAGAIN || rc == -EACCES)
                continue;
            if (rc == 0)
                bury(header, entry);
            return rc < 0 ? rc : (int)i;
        }
    return -EUSERS;
}

struct share_user user_of_id(uint64_t id, int file)
{
    return (struct share_user){.file = file, .index = (uint32_t)(id & INDEX), .id = id};
}

int roster_enter(struct share_header *header, int file, enum user_kind kind,
                 struct share_user *user)
{
    struct share_roster *roster = &header->roster;
    int index = claim(header, file);
    if (index < 0)
        return index;
    uint32_t top = atom_load(&roster->top, RELAXED);
    while (top <= (uint32_t)index && !atom_cas(&roster->top, &top, (uint32_t)index + 1, ACQ_REL))
        ;
    struct share_entry *entry = &header->entries[index];
    uint64_t serial = atom_add(&roster->serial, 1, RELAXED) + 1;
    *user = user_of_id((serial << SERIAL_SHIFT & ~NOT_YET) | (uint64_t)index, file);
    atom_store(&entry->pid, kind == USER_CHILD ? 0 : (uint32_t)getpid(), RELAXED);
    atom_store(&entry->file, (uint32_t)file, RELAXED);
    atom_store(&entry->id, kind == USER_ME_AGAIN ? user->id : user->id | NOT_YET, RELEASE);
    if (kind == USER_ME)
        roster_confirm(header, user, (uint32_t)getpid());
    return 0;
}

/* By the child and by its parent, whoever comes first. */
void roster_confirm(struct share_header *header, struct share_user *user, uint32_t pid)
{
    struct share_entry *entry = &header->entries[user->index];
    uint64_t seen = user->id | NOT_YET;
    atom_store(&entry->pid, pid, RELAXED);
    if (atom_cas(&entry->id, &seen, user->id, RELEASE))
        atom_add(&header->roster.entered, 1, RELAXED);
}

void roster_leave(struct share_header *header, struct share_user *user)
{
    struct share_entry *entry = &header->entries[user->index];
    if (!user->borrowed && (atom_load(&entry->id, RELAXED) & ~NOT_YET) == user->id)
        atom_store(&entry->id, 0, RELEASE);
}

void share_user_mark(struct share_area *area, uint32_t bits)
{
    if (unlikely((atom_load(&area->marks, RELAXED) & bits) != bits))
        atom_or(&area->marks, bits, RELAXED);
}

uint32_t share_user_marks(const struct share_area *area)
{
    return atom_load(&area->marks, RELAXED);
}

static bool is_own(const struct share_area *area, const struct share_entry *entry)
{
    return atom_load(&entry->pid, RELAXED) == area->pid; /* a second open of this process */
}

/* Step 6. */
static bool somebody_else(struct share_area *area)
{
    for (uint64_t from = 0; from < SHARE_USERS;) {
        int64_t at = os_byte_locked(area->me.file, from, SHARE_USERS - from);
        if (at < 0)
            return at != -ENOENT;
        if (!is_own(area, &area->header->entries[at]))
            return true;
        from = (uint64_t)at + 1;
    }
    return false;
}

/* Step 7. False: somebody is there. */
static bool bury_all(struct share_area *area)
{
    struct share_header *header = area->header;
    uint32_t top = atom_load(&header->roster.top, RELAXED);
    bool alone = true;
    base_spin_lock(&share_lock);
    for (uint32_t i = 0; i < top && i < SHARE_USERS; i++) {
        struct share_entry *entry = &header->entries[i];
        if (i == area->me.index || !atom_load(&entry->id, ACQUIRE)) /* pairs with bury, enter */
            continue;
        if (os_byte_lock(area->me.file, i) == 0) {
            bury(header, entry);
            os_byte_unlock(area->me.file, i);
        } else {
            alone &= is_own(area, entry);
        }
    }
    base_spin_unlock(&share_lock);
    return alone;
}

bool share_users_others(struct share_area *area, struct share_others *others)
{
    *others = (struct share_others){0};
    if (!area->header)
        return false;
    struct share_roster *roster = &area->header->roster;
    others->alive = share_area_check(area) != 0 || somebody_else(area) || !bury_all(area);
    others->died = atom_load(&roster->died, RELAXED);
    others->ever = others->died || atom_load(&roster->entered, RELAXED) > 1;
    if (atom_load(&roster->unknown, RELAXED))
        others->alive = true;
    return others->ever && !others->alive;
}

uint64_t share_user_me(struct share_area *area)
{
    return area->header ? area->me.id : 0;
}

bool share_user_is_gone(struct share_area *area, uint64_t user)
{
    uint64_t index = user & INDEX;
    if (!area->header || index >= SHARE_USERS)
        return true;
    if ((atom_load(&area->header->entries[index].id, ACQUIRE) & ~NOT_YET) != user)
        return true;
    return index != area->me.index && os_byte_locked(area->me.file, index, 1) == -ENOENT;
}
