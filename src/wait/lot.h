/* The parking lot: where tasks that sleep on private words can be found by the word's address. Used
 * by park.c and helper.c alone. */
#ifndef WAIT_LOT_H
#define WAIT_LOT_H

#include "wait/wait.h"

/* One sleeper's interest in one word, on the sleeper's stack. Linked and unlinked under the
 * bucket's lock. */
struct lot_node {
    struct list link;
    uint32_t *word; /* wait_move changes it, under the locks of the old and the new bucket */
    struct wait_self *self;
    struct wait_onto *onto;         /* where it may be moved; NULL: nowhere */
    uint32_t seen;                  /* the word's value that lets it sleep */
    uint16_t index;                 /* which of the sleeper's words this is */
    bool first;                     /* before the others of this word */
    bool shared, owned, all, looks; /* as in struct wait_word */
    struct plait_case *offer;       /* of a kind that meets another one's; else NULL */
};

/* Queues the node if *word is still `seen`; -EAGAIN: it is not, or its offer has a counterpart;
 * -EXDEV: a sleeper of this word has another `onto`, whose object is put into onto->clash. Nothing
 * was done then. The look and the queueing are one step for every waker, since a waker changes the
 * word first and takes the bucket afterwards. */
int lot_enter(struct lot_node *node);
/* Takes the node out unless a waker did. */
void lot_leave(struct lot_node *node);
void lot_reset(void);

/* A node a word. Inline as the next two, because a wait on one word is the usual one. */
static inline void lot_fill(struct lot_node *nodes, const struct wait_word *words, int count)
{
    for (int i = 0; i < count; i++)
        nodes[i] = (struct lot_node){.word = words[i].word,
                                     .seen = words[i].seen,
                                     .index = (uint16_t)i,
                                     .first = words[i].first,
                                     .shared = words[i].shared,
                                     .owned = words[i].owned,
                                     .all = words[i].all,
                                     .looks = words[i].looks};
}

/* How many were queued before a word was found changed. */
static inline int lot_enter_all(struct wait_self *self, struct lot_node *nodes, int count)
{
    for (int i = 0; i < count; i++) {
        nodes[i].self = self;
        if (lot_enter(&nodes[i]) != 0)
            return i;
    }
    return count;
}

/* Takes them out again, but for the one that `state` says was fired. */
static inline void lot_leave_all(struct lot_node *nodes, int count, uint32_t state)
{
    /* The one that was fired is out, but what it met may still be copying under the bucket's
     * lock */
    for (int i = 0; i < count; i++)
        if (state != WAIT_WORD + (uint32_t)nodes[i].index || nodes[i].offer)
            lot_leave(&nodes[i]);
}

#endif
