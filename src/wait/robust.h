/* Shared words that survive their holder: the kernel's robust list, and the thread's record
 * behind it.
 *
 * ../../docs/shared-memory.md tells the protocol; the rules R1 to R7 are numbered there and in
 * robust.c.
 *
 * Bits of a shared word: 31 W somebody may sleep 30 D an owner died inside 29..0 zero, or the
 * holder's TID */
#ifndef WAIT_ROBUST_H
#define WAIT_ROBUST_H

#include "wait/wait.h"

#define ROBUST_WAITERS 0x80000000u
#define ROBUST_DIED 0x40000000u
#define ROBUST_OWNER 0x3fffffffu
enum { ROBUST_WAITERS_BIT = 31, ROBUST_HELD_MOST = 1900, ROBUST_READS_MOST = 256 };

/* Where a lockable struct has its word and its link: 64 bytes. musl's pthread_exit reads the int
 * before the word (bit 7: shared) and the one behind it (waiters); glibc's link lies at word +
 * 32, musl's at word + 28. */
struct robust_word {
    uint32_t reserved; /* at 0 */
    uint32_t before;   /* 0x80 in a shared object, for musl */
    uint32_t word;     /* at 8 */
    uint32_t behind;   /* 1 in a shared object, for musl */
    uint64_t own[2];   /* at 16: the primitive's own */
    uint64_t link[2];  /* at 32: written for the kernel, never read */
    uint64_t room[2];
};
_Static_assert(sizeof(struct robust_word) == 64, "a shared object is 64 bytes");

/* What a thread holds, in plait's own memory. The array is the truth; the links in shared memory
 * are written from it, for the kernel alone, since a peer could write anything there. Only the
 * thread itself touches it. */
struct robust_thread {
    uint32_t tid;
    uint32_t count;
    void **pending; /* the kernel's list_op_pending of this thread */
    long offset;    /* from a link to its word, as this libc told the kernel */
    uint32_t tries; /* failed tries with PLAIT_NOW, robust_try_failed */
    bool has_list;
    struct robust_thread *next; /* all records, newest first; never changes */
    struct robust_word newest;  /* anchors: head -> newest -> held words -> oldest -> libc's */
    struct robust_word oldest;  /* its word holds the TID: D there tells that the thread died */
    struct robust_held {
        struct robust_word *word;
        uint64_t task;
    } held[ROBUST_HELD_MOST]; /* oldest first */
    /* Shared reader-writer locks that it reads (sync/shared_rwlock.c): no words of its own for the
     * kernel, so they stand in no list. */
    uint32_t read_word; /* its name there; 0: not asked for yet */
    uint32_t read_count;
    struct robust_read {
        void *lock;
        uint64_t task;
        int entry;
    } reads[ROBUST_READS_MOST];
};

extern __thread struct robust_thread *robust_current __attribute__((tls_model("initial-exec")));
/* Makes the calling thread's record; NULL: no memory. */
struct robust_thread *robust_register(void);
static inline struct robust_thread *robust_here(void)
{
    struct robust_thread *here = robust_current;
    return likely(here != NULL) ? here : robust_register();
}

/* This thread's TID as it stands in shared words. Also where there is no robust list (qemu): then
 * patrol alone finds the dead. 0: no memory. */
uint32_t robust_tid(void);

static inline void *robust_link_of(const struct robust_thread *here, struct robust_word *held)
{
    return (char *)&held->word - here->offset;
}

/* Cover: if this thread dies from now on, the kernel wakes one sleeper of *word (or marks it, if
 * it holds this thread's TID). One at a time. `covered` is written first both times, so that a
 * signal handler that covers another word meanwhile finds out what to put back. */
static inline void robust_cover(struct robust_thread *here, struct wait_self *self, uint32_t *word)
{
    atom_store(&self->covered, word, RELAXED);
    atom_store(here->pending, (void *)((char *)word - here->offset), RELEASE);
}
static inline void robust_uncover(struct robust_thread *here, struct wait_self *self)
{
    atom_store(&self->covered, NULL, RELAXED);
    atom_store(here->pending, NULL, RELEASE);
}
void wait_cover(uint32_t *word);
void wait_uncover(void);

/* musl's links are not aligned. */
struct robust_link {
    void *next;
} __attribute__((packed, may_alias));

/* The kernel looks at a thread's stores in the order of its program, and only the compiler could
 * change that order. */
static inline void robust_in_order(void)
{
    __asm__ volatile("" ::: "memory");
}

static inline void robust_link_write(void *link, void *next)
{
    ((struct robust_link *)link)->next = next;
}

/* The link of held word `i`, or of the anchor behind them. */
static inline void *robust_link_at(struct robust_thread *here, uint32_t i)
{
    return robust_link_of(here, likely(i == 0) ? &here->oldest : here->held[i - 1].word);
}

/* The word is held by this task now: on the list until robust_unlink. The caller has asked
 * robust_is_full. The word's own link first, because from the store into the anchor on the kernel
 * follows it. */
static inline void robust_link(struct robust_thread *here, struct robust_word *held, uint64_t task)
{
    void *link = robust_link_of(here, held);
    robust_link_write(link, robust_link_at(here, here->count));
    robust_in_order();
    robust_link_write(robust_link_of(here, &here->newest), link);
    here->held[here->count++] = (struct robust_held){held, task};
}
/* The one that was linked last, the usual case because sections nest; and any. */
static inline void robust_unlink_newest(struct robust_thread *here)
{
    robust_link_write(robust_link_of(here, &here->newest), robust_link_at(here, --here->count));
    robust_in_order(); /* must come before the caller's store into the word */
}
void robust_unlink(struct robust_thread *here, struct robust_word *held);
static inline bool robust_is_full(const struct robust_thread *here)
{
    return unlikely(here->count >= ROBUST_HELD_MOST);
}
/* Does this task hold it? The private array is asked, since shared memory may say anything. A
 * task is named by its wait_self's address. */
bool robust_holds(const struct robust_word *held, uint64_t task);
static inline bool robust_holds_newest(const struct robust_thread *here,
                                       const struct robust_word *held, uint64_t task)
{
    const struct robust_held *newest = &here->held[here->count - 1];
    return likely(here->count && newest->word == held && newest->task == task);
}
/* The task of this process that holds it, as a hint; NULL: none, or another process'. May be asked
 * when the object is gone. */
struct wait_self *robust_holder(const struct robust_word *held);
/* In the number of a holder: what it holds at its end comes back (robust_let_go), and is no
 * misuse. */
#define ROBUST_COMES_BACK UINT64_C(1)
/* The task ends: its words with that mark are left as the kernel would leave a dead one's. */
void robust_let_go(uint64_t task);
int robust_held_count(uint64_t task); /* how many this task holds, for the check at its end */
/* Does this thread hold a word in this memory? It must not be unmapped then. */
bool robust_holds_within(const void *start, size_t size);

/* A holder that the kernel did not mark: is the thread of `seen` gone? Then marks the word as the
 * kernel would. True: look again. */
bool robust_patrol(uint32_t *word, uint32_t seen);
void robust_after_fork(void); /* the child holds nothing, since the parent goes on holding it */

#endif
