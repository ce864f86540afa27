/* The protocol stands in channel.h. */
#include "pool/channel.h"

#include <plait/error.h>

#include <errno.h>
#include <limits.h>

bool channel_has_turn(const struct channel_end *end)
{
    /* pairs with the swap of channel_send */
    return (atom_load(&end->channel->turn, ACQUIRE) & 1) == end->side;
}

void channel_send(struct channel_end *end, enum channel_kind kind)
{
    struct channel *channel = end->channel;
    uint32_t next = ((atom_load(&channel->turn, RELAXED) & ~CHANNEL_W) + 1) & ~CHANNEL_W;
    channel->kind = (uint32_t)kind;
    if (atom_swap(&channel->turn, next, ACQ_REL) & CHANNEL_W)
        wait_unpark(&channel->turn, 1, true);
}

/* The kernel's mark, or the end of a task that the kernel did not tell of, or a child that left. */
static bool other_is_dead(const struct channel_end *end)
{
    if (!end->is_over)
        return false;
    return atom_load(&end->channel->alive.word, ACQUIRE) & ROBUST_DIED || end->is_over(end->other);
}

static int turn_attempt(void *object)
{
    struct channel_end *end = object;
    if (channel_has_turn(end))
        return 0;
    if (!other_is_dead(end))
        return -EAGAIN;
    return channel_has_turn(end) ? 0 : -EPIPE; /* its last message came before its death */
}

/* False: it is different by now. */
static bool announce(uint32_t *word, uint32_t seen, uint32_t waiters)
{
    return seen & waiters || atom_cas(word, &seen, seen | waiters, ACQUIRE);
}

static int turn_words(void *object, struct wait_word *words)
{
    struct channel_end *end = object;
    struct channel *channel = end->channel;
    uint32_t turn = atom_load(&channel->turn, ACQUIRE);
    if ((turn & 1) == end->side || !announce(&channel->turn, turn, CHANNEL_W))
        return 0;
    words[0] = (struct wait_word){.word = &channel->turn, .seen = turn | CHANNEL_W, .shared = true};
    uint32_t alive = atom_load(&channel->alive.word, ACQUIRE);
    if (!end->is_over || !alive)
        return 1;
    if (alive & ROBUST_DIED || !announce(&channel->alive.word, alive, ROBUST_WAITERS))
        return 0;
    words[1] = (struct wait_word){.word = &channel->alive.word,
                                  .seen = alive | ROBUST_WAITERS,
                                  .shared = true,
                                  .owned = true};
    return 2;
}

int channel_wait(struct channel_end *end, int64_t deadline)
{
    static const struct wait_call call = {turn_attempt, turn_words, "talk", "worker process"};
    return wait_until(&call, end, end->channel, deadline, NULL);
}

void channel_live(struct channel *channel)
{
    struct robust_thread *here = robust_here();
    if (!here || robust_is_full(here))
        return; /* then the parent's patrol alone finds the death */
    channel->alive.before = 0x80;
    channel->alive.behind = 1;
    atom_store(&channel->alive.word, here->tid, RELEASE);
    robust_link(here, &channel->alive, 0);
}

void channel_leave(struct channel *channel)
{
    struct robust_thread *here = robust_current;
    if (!here || !robust_holds(&channel->alive, 0))
        return;
    robust_unlink(here, &channel->alive);
    robust_in_order();
    atom_store(&channel->alive.word, 0, RELEASE);
}

static uint64_t piece_of(uint64_t left)
{
    return left < CHANNEL_BYTES ? left : CHANNEL_BYTES;
}

int channel_write(struct channel_end *end, enum channel_kind kind, const void *bytes, uint64_t size,
                  int64_t deadline)
{
    struct channel *channel = end->channel;
    const char *from = bytes;
    for (uint64_t left = size;;) {
        uint64_t piece = piece_of(left);
        if (piece)
            memcpy(channel->bytes, from, piece);
        channel->total = size;
        channel->size = piece;
        from += piece;
        left -= piece;
        channel_send(end, left ? CHANNEL_PIECE : kind);
        if (!left)
            return 0;
        int rc = channel_wait(end, deadline);
        if (rc != 0)
            return rc;
    }
}

int channel_read(struct channel_end *end, void *to, uint64_t size, int64_t deadline)
{
    struct channel *channel = end->channel;
    char *at = to;
    for (uint64_t left = size;;) {
        uint32_t kind = channel->kind;
        uint64_t piece = channel->size; /* once: the other side may write at any time */
        if (piece > left || piece > CHANNEL_BYTES || (kind == CHANNEL_PIECE && !piece))
            return -PLAIT_EFORMAT;
        if (piece)
            memcpy(at, channel->bytes, piece);
        at += piece;
        left -= piece;
        if (kind != CHANNEL_PIECE)
            return left ? -PLAIT_EFORMAT : 0;
        channel_send(end, CHANNEL_MORE);
        int rc = channel_wait(end, deadline);
        if (rc != 0)
            return rc;
    }
}
