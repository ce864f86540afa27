/* The memory between a process pool's worker thread and its child: one message at a time, in turns.
 *
 * turn, one word, what both sleep on:
 *   bit 31  W: the one whose turn it is not may sleep
 *   bit 0   whose turn it is: 0 the parent's, 1 the child's
 *   others  count
 * Only the one whose turn it is writes the header and the bytes, and gives the turn to the other by
 * one swap, which is the message, so that a death before it leaves nothing, one after it all of it.
 *
 *   parent: PIECE ... PIECE, JOB with the last bytes    child: MORE after each PIECE
 *   child:  PIECE ... PIECE, DONE with the last bytes   parent: MORE after each PIECE
 *   parent: LEAVE
 *
 * alive is held by the child's main thread as long as it lives; its death wakes the parent, who
 * sleeps on both words. Where the kernel does not tell, the parent's patrol sees the end of the
 * task. The parent's own death ends the child as that of any tied one. `taken` is the turn whose
 * job the child has begun: a death before that has touched no job, which is given to the next
 * child.
 *
 * The parent reads sizes once, checks them, and reads no pointer; the child, which trusts its
 * parent, gets its function as a difference to one that it knows when it is a fork, else as images
 * do. */
#ifndef POOL_CHANNEL_H
#define POOL_CHANNEL_H

#include "image/image.h"
#include "wait/robust.h"

#define CHANNEL_W UINT32_C(0x80000000)
enum { CHANNEL_BYTES = 65536 - 256 };
enum channel_kind { CHANNEL_PIECE = 1, CHANNEL_MORE, CHANNEL_JOB, CHANNEL_DONE, CHANNEL_LEAVE };

struct channel {
    struct robust_word alive;
    uint32_t turn, taken;
    uint32_t kind;
    int32_t status;    /* DONE: what the job returned */
    int64_t function;  /* JOB: of a fork; 0: `image` tells */
    uint64_t out_size; /* JOB: as announced; DONE: 1: by plait_job_result */
    uint64_t total;    /* of all pieces */
    uint64_t size;     /* of this one */
    struct image_function image;
    char bytes[CHANNEL_BYTES];
};
_Static_assert(sizeof(struct channel) <= 65536, "a channel is 64 KB");

/* One side of it. */
struct channel_end {
    struct channel *channel;
    uint32_t side;                /* 0 the parent's, 1 the child's */
    bool (*is_over)(void *other); /* the parent's: the child's task has ended */
    void *other;
};

/* Hands the turn over. */
void channel_send(struct channel_end *end, enum channel_kind kind);
/* Until it is this side's turn: 0, -EPIPE (the other is dead), -ETIMEDOUT, -ECANCELED. */
int channel_wait(struct channel_end *end, int64_t deadline);
/* Whether the other side's message has come; without waiting. */
bool channel_has_turn(const struct channel_end *end);

/* The child's sign of life. */
void channel_live(struct channel *channel);
void channel_leave(struct channel *channel);

/* A whole message of any size, in pieces; `kind` with the last. 0, or as channel_wait. */
int channel_write(struct channel_end *end, enum channel_kind kind, const void *bytes, uint64_t size,
                  int64_t deadline);
/* Its first piece is there. Copies all of it to `to` (room for `size`), which was total. */
int channel_read(struct channel_end *end, void *to, uint64_t size, int64_t deadline);

#endif
