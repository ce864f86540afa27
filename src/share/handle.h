/* Handing shared memory to a program that is executed anew: areas of any noun, and memory of
 * plait_share with the small objects in it.
 *
 * A noun's part:
 *   share_area_own(area, object, part)   after its open: "this pointer is that area's object"; a
 *                                        noun with several (a pipe's ends) counts them by `part`
 *   share_kind_register(kind)            once (a constructor): how the object is made of an area
 *                                        that a child was handed
 * The spawner's part: share_handle_of in the parent; the child gets the bytes of struct
 * share_handle and the descriptor, at the number in `file` or another, which is then put there;
 * share_handle_sent in the parent when the child runs or could not be started; share_handle_open in
 * the child. A handle of an area is a user of it: the child is known to the others from its first
 * instruction, because it inherits the description whose lock says so. */
#ifndef SHARE_HANDLE_H
#define SHARE_HANDLE_H

#include "share/area.h"

struct share_handle {
    char kind[16];   /* the area's; "memory": of plait_share */
    uint64_t size;   /* bytes of memory */
    uint64_t offset; /* of the object in it: "memory" only */
    uint64_t user;   /* areas only */
    uint32_t file;   /* descriptor, close-on-exec until the spawner clears that in the child */
    uint32_t part;
    char name[64]; /* for messages */
};

struct share_kind {
    const char *kind;
    /* The noun's object for an area that this process was handed; owns the area then. NULL + errno:
     * the area is closed by the caller. */
    void *(*open)(struct share_area *area, uint32_t part);
    struct share_kind *next;
};
void share_kind_register(struct share_kind *kind);
/* part: less than 2 */
void share_area_own(struct share_area *area, void *object, uint32_t part);

/* Fills *handle for an object that share_area_own told of, or any address inside memory of
 * plait_share. 0; -EINVAL: a private object, or none; -EUSERS, -EMFILE, -ENFILE ... */
int share_handle_of(const void *object, struct share_handle *handle);
/* The parent closes its descriptor of it; pid of the child that has it, -1: there is none. */
void share_handle_sent(struct share_handle *handle, pid_t pid);
/* In the child: the object. NULL and errno: PLAIT_EFORMAT (no such area, another build of the
 * noun), ENOTSUP (nobody registered the kind), ENOMEM, EMFILE. The descriptor is used up either
 * way. */
void *share_handle_open(const struct share_handle *handle);
/* For handle.c: the area of a handle, as share_area_open would give it. */
struct share_area *share_area_adopt(const struct share_handle *handle);

#endif
