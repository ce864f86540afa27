/* The schedules of loop.h. */
#include "pool/loop.h"

/* Of what is left a guided turn takes one of so many parts for each who runs; an owner of a
 * stealing range one of so many: the rest stays open for thieves, and its last turns are single
 * units. */
enum { GUIDED = 2, OWN = 16 };

static inline uint64_t range_of(uint32_t first, uint32_t end)
{
    return (uint64_t)end << 32 | first;
}

static inline uint32_t first_of(uint64_t range)
{
    return (uint32_t)range;
}

static inline uint32_t end_of(uint64_t range)
{
    return (uint32_t)(range >> 32);
}

static uint32_t piece_begins(const struct loop_units *units, uint32_t piece, uint32_t pieces)
{
    return (uint32_t)((uint64_t)units->count * piece / pieces);
}

void loop_units_init(struct loop_units *units, struct loop_part *part)
{
    units->part = part;
    units->next = 0;
    for (uint32_t i = 0; i < units->parts; i++)
        part[i].range = range_of(piece_begins(units, i, units->parts),
                                 piece_begins(units, i + 1, units->parts));
}

static bool take_static(struct loop_units *units, uint32_t *first, uint32_t *end)
{
    uint32_t pieces = units->chunked ? units->count : units->parts;
    if (atom_load(&units->next, RELAXED) >= pieces)
        return false;
    uint32_t piece = atom_add(&units->next, 1, RELAXED);
    if (piece >= pieces)
        return false;
    *first = piece_begins(units, piece, pieces);
    *end = piece_begins(units, piece + 1, pieces);
    return *first < *end;
}

static bool take_guided(struct loop_units *units, uint32_t *first, uint32_t *end)
{
    uint32_t next = atom_load(&units->next, RELAXED), take;
    do {
        uint32_t left = units->count - next;
        if (left == 0)
            return false;
        take = left / (GUIDED * units->parts);
        take = take ? take : 1;
    } while (!atom_cas(&units->next, &next, next + take, ACQUIRE));
    *first = next;
    *end = next + take;
    return true;
}

static bool take_own(struct loop_units *units, struct loop_part *part, uint32_t *first,
                     uint32_t *end)
{
    uint64_t range = atom_load(&part->range, RELAXED);
    uint32_t take;
    do {
        uint32_t left = end_of(range) - first_of(range);
        if (left == 0)
            return false;
        take = units->chunked || left < OWN ? 1 : left / OWN;
    } while (!atom_cas(&part->range, &range, range + take, ACQUIRE));
    *first = first_of(range);
    *end = *first + take;
    return true;
}

/* The half behind, or the only one. */
static bool steal_range(struct loop_part *from, uint64_t *stolen)
{
    uint64_t range = atom_load(&from->range, RELAXED);
    uint32_t middle;
    do {
        if (first_of(range) == end_of(range))
            return false;
        middle = first_of(range) + (end_of(range) - first_of(range)) / 2;
    } while (!atom_cas(&from->range, &range, range_of(first_of(range), middle), ACQUIRE));
    *stolen = range_of(middle, end_of(range));
    return true;
}

static bool take_stealing(struct loop_units *units, uint32_t mine, uint32_t *first, uint32_t *end)
{
    uint64_t stolen;
    bool found = take_own(units, &units->part[mine], first, end);
    for (uint32_t i = 1; !found && i < units->parts; i++)
        if (steal_range(&units->part[(mine + i) % units->parts], &stolen)) {
            atom_store(&units->part[mine].range, stolen, RELAXED);
            found = take_own(units, &units->part[mine], first, end);
            i = 0; /* another thief may have had all of it: from the beginning */
        }
    return found;
}

bool loop_units_take(struct loop_units *units, uint32_t mine, uint32_t *first, uint32_t *end)
{
    switch (units->schedule) {
    case PLAIT_STATIC:
        return take_static(units, first, end);
    case PLAIT_GUIDED:
        return take_guided(units, first, end);
    default:
        return take_stealing(units, mine, first, end);
    }
}
