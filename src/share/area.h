/* The memory of a large shared object: queue, pipe, dict, array, permits, segment.
 *
 * An area is a memfd of its own, mapped MAP_SHARED, with a header of plait's (what it is, how
 * large, who has it open: users.h) before the noun's memory. Without a URL it is anonymous and goes
 * to children by fork, at the same address. With "shm:NAME" unrelated processes meet in it, at
 * addresses of their own: offsets cross, pointers do not. The kernel takes it back with its last
 * user, however that one ends. Its descriptor stays open, close-on-exec, because it is what tells
 * the others that this process lives, and what is handed to a spawned child (handle.h).
 *
 * With `where` PLAIT_PRIVATE and no URL it is this process' own memory without header, descriptor
 * and users, so that a noun need not know the difference. */
#ifndef SHARE_AREA_H
#define SHARE_AREA_H

#include <plait/macros.h>

struct share_area;

struct share_request {
    const char *kind; /* "queue": at most 15 bytes; an area of another kind is refused */
    const char *name; /* of the options, for messages; NULL: none */
    plait_where where;
    const char *url; /* "shm:NAME", "shm:NAME?create", "shm:NAME?attach"; NULL: anonymous */
    size_t size;     /* bytes of the noun's memory */
    size_t limit;    /* how far it may grow; 0: not at all */
    uint64_t layout; /* of the noun: element size, capacity, version mixed into a number */
    size_t beside_at, beside; /* pages of it that are for share/beside.h; 0: none */
    /* Fills new memory, zeroed, before anybody else can see it; share_contains knows it already.
     * Not 0: the open fails with that code. */
    int (*prepare)(void *memory, size_t size, void *arg);
    void *arg;
};

/* Made if new, else attached, never half. NULL and errno: EINVAL (size 0, limit below size, a URL
 * that is none), ENOMEM, ENOSPC, EMFILE, ENFILE; with a URL also EEXIST, ENOENT, EXDEV (another PID
 * namespace), EACCES (another user's), EUSERS (SHARE_USERS have it open), PLAIT_EFORMAT (another
 * kind, layout or size; damaged). */
struct share_area *share_area_open(const struct share_request *request);
/* This process leaves it and unmaps it. NULL is allowed. Misuse: this process holds a lock
 * inside. */
void share_area_close(struct share_area *area);

void *share_area_memory(struct share_area *area); /* aligned to a page */
/* Bytes that may be touched. Another process may have made it grow: then more than before. Checked
 * against the file, so that no peer can lie us into a SIGBUS. */
size_t share_area_size(struct share_area *area);
/* At least `size` bytes from now on, zeroed, at the same address. 0; -ENOSPC: beyond the limit, or
 * no memory for it: nothing has changed. Callers of several processes may race. */
int share_area_grow(struct share_area *area, size_t size);
/* The address of these bytes of it, NULL unless all lie inside. */
void *share_area_at(struct share_area *area, uint64_t offset, size_t size);
bool share_area_is_new(const struct share_area *area);   /* made by this open, not attached */
size_t share_area_wanted(const struct share_area *area); /* `size` of the first open's request */
bool share_area_is_shared(const struct share_area *area);
/* The area in whose memory this address lies; NULL: none. */
struct share_area *share_area_of(const void *address);
/* 0; -EBADF: the program has closed plait's descriptor behind its back, so that the others take
 * this process for gone. One system call: for slow paths. */
int share_area_check(struct share_area *area);

#endif
