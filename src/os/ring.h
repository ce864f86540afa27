/* The kernel's ring of requests (io_uring), for the one kind that plait makes of it: to sleep on a
 * word that processes share. */
#ifndef OS_RING_H
#define OS_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OS_RING_MOST = 256 }; /* requests in flight */

/* All calls for one ring must come one after the other; the thread may change. Not for a child of a
 * fork: its memory is not there. */
struct os_ring {
    int descriptor;         /* readable while there is news */
    uint32_t flying;        /* requests in flight */
    uint32_t *tail, *array; /* of what is asked; the kernel reads up to `tail` */
    uint32_t mask;
    struct io_uring_sqe *asked;
    uint32_t *head, *news; /* of what is answered; the kernel writes up to `news` */
    uint32_t answers_mask;
    struct io_uring_cqe *answers;
    void *memory;
    size_t size, asked_size;
};

/* 0, -ENOSYS, -EPERM (forbidden), -EMFILE, -ENOMEM. */
int os_ring_open(struct os_ring *ring);
void os_ring_close(struct os_ring *ring);
/* In a child of a fork: its descriptor alone, since its memory is not there. */
void os_ring_forget(struct os_ring *ring);

/* Sleeps on a shared word while it is `seen`. os_ring_next answers once: 0 woken, -EAGAIN it had
 * another value, -ECANCELED. 0, -EBUSY (OS_RING_MOST are in flight) or why not. tag is not 0. */
int os_ring_wait(struct os_ring *ring, uint32_t *word, uint32_t seen, uint64_t tag);
/* Ends the sleep of this tag, unless it has been woken, which it then answers. */
void os_ring_cancel(struct os_ring *ring, uint64_t tag);
bool os_ring_next(struct os_ring *ring, uint64_t *tag, int *result); /* of a closed one: none */
/* A hint, by whoever alone would close it. */
bool os_ring_has_news(const struct os_ring *ring);

#endif
