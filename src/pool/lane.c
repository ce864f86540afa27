/* The protocol of lane.h. */
#include "pool/lane.h"
#include "os/os.h"

static struct lane_slots *slots_new(uint64_t count)
{
    struct lane_slots *slots = os_alloc(sizeof *slots + count * sizeof *slots->slot);
    if (slots)
        slots->count = count;
    return slots;
}

int lane_init(struct lane *lane, uint64_t count)
{
    lane->limit = count;
    return (lane->seen = lane->slots = slots_new(count)) ? 0 : -ENOMEM;
}

void lane_free(struct lane *lane)
{
    for (struct lane_slots *slots = lane->slots, *older; slots; slots = older) {
        older = slots->older;
        os_free(slots);
    }
    lane->slots = NULL;
}

static plait_future **slot_at(struct lane_slots *slots, uint64_t place)
{
    return &slots->slot[place & (slots->count - 1)];
}

static void put_at_tail(struct lane *lane, plait_future *job)
{
    uint64_t tail = lane->tail;
    atom_store(slot_at(lane->slots, tail), job, RELAXED);
    atom_store(&lane->tail, tail + 1, RELEASE); /* pairs with known_tail */
}

/* Dead ones out. Each slot read here is ours, because head has passed it. */
static void throw_out(struct lane *lane)
{
    uint64_t tail = lane->tail, head = atom_load(&lane->head, ACQUIRE);
    while (!atom_cas(&lane->head, &head, tail, ACQ_REL))
        ;
    lane->limit = tail + lane->slots->count; /* no more come than go */
    for (; head != tail; head++) {
        plait_future *job = atom_load(slot_at(lane->slots, head), RELAXED);
        if (future_state(atom_load(&job->word, ACQUIRE)) == PLAIT_PENDING)
            put_at_tail(lane, job);
        else
            lane_claim(lane, job);
    }
}

static int grow(struct lane *lane)
{
    struct lane_slots *old = lane->slots, *slots = slots_new(2 * old->count);
    if (!slots)
        return -ENOMEM;
    slots->older = old;
    for (uint64_t place = lane->tail - old->count; place != lane->tail; place++)
        *slot_at(slots, place) = *slot_at(old, place);
    lane->slots = slots;
    atom_store(&lane->seen, slots, RELEASE); /* pairs with lane_take, and comes before tail */
    return 0;
}

static int make_room(struct lane *lane)
{
    /* ACQUIRE: who moved it has read the slot below. */
    uint64_t head = atom_load(&lane->head, ACQUIRE);
    int rc = 0;
    if (lane->tail - head == lane->slots->count) {
        if (atom_load(&lane->dead, RELAXED) > (int64_t)lane->slots->count / 2)
            throw_out(lane);
        else
            rc = grow(lane);
        head = atom_load(&lane->head, ACQUIRE);
    }
    lane->limit = head + lane->slots->count;
    return rc;
}

int lane_put(struct lane *lane, plait_future *job)
{
    if (unlikely(lane->tail == lane->limit)) {
        int rc = make_room(lane);
        if (rc != 0)
            return rc;
    }
    put_at_tail(lane, job);
    return 0;
}

/* Behind `head`; looked at only when no taker knows of one, since submitters write that line all
 * the time. */
static uint64_t known_tail(struct lane *lane, uint64_t head)
{
    uint64_t tail = atom_load(&lane->known, ACQUIRE); /* pairs with the store below */
    if ((int64_t)(tail - head) > 0)
        return tail;
    tail = atom_load(&lane->tail, ACQUIRE); /* pairs with put_at_tail */
    if ((int64_t)(tail - head) > 0)
        atom_store(&lane->known, tail, RELEASE);
    return tail;
}

/* False: the slot's job was not taken; *head is new. */
static bool take_at(struct lane *lane, uint64_t *head)
{
    return atom_cas(&lane->head, head, *head + 1, ACQ_REL); /* pairs with make_room */
}

plait_future *lane_take(struct lane *lane)
{
    uint64_t head = atom_load(&lane->head, ACQUIRE);
    for (;;) {
        uint64_t tail = known_tail(lane, head);
        if ((int64_t)(tail - head) <= 0)
            return NULL;
        struct lane_slots *slots = atom_load(&lane->seen, ACQUIRE);
        plait_future *job = atom_load(slot_at(slots, head), RELAXED);
        if (!take_at(lane, &head))
            continue;
        /* What comes next was written by another CPU, as a rule. */
        __builtin_prefetch(atom_load(slot_at(slots, head + 2), RELAXED), 1);
        return job;
    }
}

void lane_take_out(struct lane *lane, plait_future *job)
{
    uint64_t head = atom_load(&lane->head, ACQUIRE);
    bool next = (int64_t)(known_tail(lane, head) - head) > 0;
    if (next && atom_load(slot_at(atom_load(&lane->seen, ACQUIRE), head), RELAXED) == job &&
        take_at(lane, &head))
        atom_and(&job->word, ~(uint32_t)FUTURE_QUEUED, RELAXED);
    else
        atom_add(&lane->dead, 1, RELAXED);
}

bool lane_claim(struct lane *lane, plait_future *job)
{
    if (likely(future_claim(job, FUTURE_QUEUED)))
        return true;
    atom_sub(&lane->dead, 1, RELAXED);
    future_release(job, FUTURE_QUEUED);
    return false;
}
