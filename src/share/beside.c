/* Behind what plait_share has given lies room that nobody was told of (SHARE_BESIDE bytes of
 * addresses, without pages). When an object needs more than its 64 bytes, the file grows into it,
 * so that all who have the mapping have that too, also processes that were forked before.
 *
 * Obvious ideas: an area of the object's own - but those who were forked before would not have it;
 * room behind the 64 bytes - but whoever moves an object between two versions of plait breaks it.
 *
 * The first page says what lies where. No lock, because its holder could be killed: a record is
 * claimed by one compare-and-swap, and what a dead one had claimed and not said is lost until the
 * mapping goes. */
#include "share/beside.h"
#include "os/os.h"
#include "share/inside.h"

enum { RECORDS = 200, ALIGN = 64 };

struct beside {
    uint64_t used; /* bytes from the beginning of this page, by compare-and-swap */
    struct record {
        uint64_t where;  /* 0: not claimed; byte from the beginning << 32 | size */
        uint64_t object; /* its byte in the mapping + 1; 0: not said yet */
    } records[RECORDS];
};
_Static_assert(sizeof(struct beside) <= OS_PAGE, "the list is one page");

/* Are so many bytes there, in the file? Known ones are not asked for again. */
static bool is_there(struct mapping *m, uint64_t size)
{
    struct os_file look;
    if (size <= atom_load(&m->beside, RELAXED))
        return true;
    if (size > SHARE_BESIDE || os_file_look(m->file, &look) != 0 || look.size < m->size + size)
        return false;
    atom_store(&m->beside, size, RELAXED);
    return true;
}

static bool make_there(struct mapping *m, uint64_t size)
{
    size = (size + OS_PAGE - 1) & ~(uint64_t)(OS_PAGE - 1);
    if (size > SHARE_BESIDE)
        return false;
    return is_there(m, size) ||
           (os_memfd_grow(m->file, m->size, m->size + size) == 0 && is_there(m, size));
}

/* Where it lies: `at` is its first byte, counted from the mapping's. In an area what the area's
 * user has left for it, which is there from the beginning. */
struct room {
    struct mapping *mapping; /* NULL: there is none */
    uint64_t at, size;
};

static struct room room_for(const void *object)
{
    struct mapping *m = mapping_of(object);
    if (!m)
        return (struct room){0};
    if (!m->area)
        return (struct room){m, m->size, SHARE_BESIDE};
    return (struct room){m->area->beside ? m : NULL, m->area->beside_at, m->area->beside};
}

static bool room_is_there(const struct room *room, uint64_t size)
{
    return size <= room->size && (room->mapping->area || is_there(room->mapping, size));
}

static bool room_make(const struct room *room, uint64_t size)
{
    return size <= room->size && (room->mapping->area || make_there(room->mapping, size));
}

/* New bytes; 0: no room. */
static uint64_t claim_bytes(const struct room *room, struct beside *beside, size_t size)
{
    uint64_t seen = atom_load(&beside->used, RELAXED), from;
    do {
        from = seen < OS_PAGE ? OS_PAGE : seen;
        if (from > room->size || size > room->size - from || !room_make(room, from + size))
            return 0;
    } while (!atom_cas(&beside->used, &seen, from + size, ACQ_REL));
    return from;
}

static uint64_t find(const struct beside *beside, uint64_t object, size_t size)
{
    for (int i = 0; i < RECORDS; i++) {
        uint64_t where = atom_load(&beside->records[i].where, RELAXED);
        if (atom_load(&beside->records[i].object, ACQUIRE) == object && (uint32_t)where >= size)
            return where >> 32;
    }
    return 0;
}

static uint64_t make(const struct room *room, struct beside *beside, uint64_t object, size_t size)
{
    uint64_t from = claim_bytes(room, beside, size);
    for (int i = 0; from && i < RECORDS; i++) {
        uint64_t unclaimed = 0;
        struct record *record = &beside->records[i];
        if (atom_cas(&record->where, &unclaimed, from << 32 | size, ACQ_REL)) {
            atom_store(&record->object, object, RELEASE); /* pairs with find */
            return from;
        }
    }
    return 0;
}

/* Behind the object in plait_share's memory, which is what is counted from there. An area's lies
 * before most objects, so that it is counted from the area's beginning. */
static uint64_t origin(const struct room *room, uint64_t byte)
{
    return room->mapping->area ? 0 : byte;
}

uint64_t share_beside_take(const void *object, size_t size)
{
    struct room room = room_for(object);
    size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (!room.mapping || size > room.size || !room_make(&room, OS_PAGE))
        return 0;
    struct beside *beside = (struct beside *)(void *)(room.mapping->start + room.at);
    uint64_t byte = (uint64_t)((const char *)object - room.mapping->start);
    uint64_t from = find(beside, byte + 1, size);
    if (!from)
        from = make(&room, beside, byte + 1, size);
    return from ? room.at + from - origin(&room, byte) : 0;
}

void *share_beside_at(const void *object, uint64_t where, size_t size)
{
    struct room room = room_for(object);
    if (!room.mapping)
        return NULL;
    uint64_t byte = origin(&room, (uint64_t)((const char *)object - room.mapping->start));
    uint64_t at = where + byte, from = at - room.at;
    if (where > UINT64_MAX - byte || at < room.at || from > room.size || size > room.size - from ||
        at % ALIGN != 0)
        return NULL;
    return room_is_there(&room, from + size) ? room.mapping->start + at : NULL;
}
