/* Shared words that survive their holder: the kernel's robust list, and the participant behind it.
 *
 * ../../docs/shared-memory.md tells the protocol; the rules R1 to R7 and the steps are numbered there and in robust.c.
 *
 * Bits of a shared word: 31 W somebody may sleep; 30 D an owner died inside; 29..0 zero or the holder's TID. */
#ifndef WAIT_ROBUST_H
#define WAIT_ROBUST_H

#include "wait/wait.h"

#define ROBUST_WAITERS 0x80000000u
#define ROBUST_DIED 0x40000000u
#define ROBUST_OWNER 0x3fffffffu
enum { ROBUST_HELD_MOST = 1900 };

/* Where a lockable struct has its word and its link: 64 bytes. musl's pthread_exit reads the int before the word (bit 7: shared) and the
 * one behind it (waiters); glibc's node lies at word + 24, musl's link at word + 28. */
struct robust_word {
    uint32_t reserved; /* at 0 */
    uint32_t before;   /* 0x80 in a shared object, for musl */
    uint32_t word;     /* at 8 */
    uint32_t behind;   /* 1 in a shared object, for musl */
    uint64_t own[2];   /* at 16: the primitive's own */
    uint64_t link[2];  /* at 32: written for the kernel, never read */
};

/* This thread's TID as it stands in shared words; registers the thread's list at its first call. 0: no robust list here (then patrol alone finds the dead). */
uint32_t robust_tid(void);
/* Cover: if this thread dies from now on, the kernel wakes one sleeper of *word (or marks it, if it holds this thread's TID). One at a time. */
void wait_cover(uint32_t *word);
void wait_uncover(void);
/* The word is held by this task now: on the list until robust_unlink. -ENOLCK: ROBUST_HELD_MOST are held. */
int robust_link(struct robust_word *held, uint64_t task);
void robust_unlink(struct robust_word *held);
/* Does this task hold it? The truth is the private array, never what lies in shared memory. Gives the index or -1. */
int robust_find(const struct robust_word *held, uint64_t task);
int robust_held_count(uint64_t task); /* how many this task holds, for the check at its end */
/* A holder that the kernel did not mark: is the thread `tid` gone? Then marks the word as the kernel would and wakes one. True: look again. */
bool robust_patrol(uint32_t *word, uint32_t seen);
void robust_after_fork(void); /* the parent holds what was held */

#endif
