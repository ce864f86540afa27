/* What an area consists of; for src/share alone.
 *
 * The header lies before the noun's memory and may hold anything when a peer is hostile: what is
 * read from it is copied once, checked, and only then used. */
#ifndef SHARE_INSIDE_H
#define SHARE_INSIDE_H

#include "base/spin.h"
#include "os/os.h"
#include "share/mapping.h"
#include "share/users.h"

enum { SHARE_KIND = 16, SHARE_NAME = 96, SHARE_PARTS_MOST = 2, SHARE_HEADER = 16384 };
#define SHARE_MAGIC UINT64_C(0x3161657261746c70) /* "pltarea1" */

/* A user's place. The byte of its index is locked in the file while the user lives, so that the
 * kernel gives it back at any death: who has that lock owns the entry.
 *   id     0 free, else bit 63 NOT_YET: entered for a child that may not exist; 62..9 serial, never
 *          used twice; 8..0 the entry's index */
struct share_entry {
    uint64_t id;
    uint32_t reserved, pid;
    uint32_t file; /* its descriptor in that process */
    uint32_t reserved_too;
    uint64_t room;
};

struct share_roster {
    uint64_t serial;  /* of the last entry made */
    uint32_t entered; /* processes that ever were users */
    uint32_t died;    /* not 0: one of them ended without leaving */
    uint32_t unknown; /* not 0: somebody may have it open who is not known */
    uint32_t top;     /* entries from here on were never used */
    uint32_t reserved[2];
};

/* What an attacher copies and checks, since any peer may write over it. */
struct share_claims {
    uint64_t magic;
    uint32_t version, link; /* of this layout; the libc's robust link, as told to the kernel */
    char kind[SHARE_KIND];
    uint64_t layout, limit;
    uint64_t size;              /* of the noun's memory; grows, never more than the file has */
    uint64_t wanted;            /* size as it was asked for at first */
    uint64_t beside_at, beside; /* room for what small objects need more (beside.h); 0: none */
    uint64_t room[6];
};
struct share_header {
    struct share_claims is;
    struct share_roster roster;
    char name[SHARE_NAME]; /* NAME of "shm:NAME"; empty: anonymous */
    struct share_entry entries[SHARE_USERS];
};
_Static_assert(sizeof(struct share_header) == SHARE_HEADER, "the noun's memory follows");

struct share_user {
    int file; /* an open file description of its own: its lock is this user's life */
    uint32_t index;
    uint64_t id;
    bool borrowed; /* its parent's: must not leave by it */
};

/* A process' view of an area. */
struct share_area {
    struct share_header *header; /* NULL: private memory */
    char *memory;
    struct mapping *mapping;  /* NULL: private memory */
    size_t mapped;            /* bytes of address space, header included */
    size_t limit, wanted;     /* as they were checked at the open */
    size_t size;              /* as it was last checked */
    size_t beside_at, beside; /* as they were checked at the open */
    uint32_t marks;           /* this process' own */
    uint32_t pid;
    bool is_new;
    struct share_user me, child; /* child, child_name: while a fork is under way */
    int child_name;              /* the name's file, locked for the child; -1 */
    struct os_file file;         /* device and inode of the memory file */
    void *objects[SHARE_PARTS_MOST];
    char kind[SHARE_KIND], url_name[SHARE_NAME];
    char name[64]; /* for messages */
};

static inline size_t share_pages(size_t size)
{
    return (size + OS_PAGE - 1) & ~(size_t)(OS_PAGE - 1);
}

/* Guards rosters against a second thread of this process, because locks of bytes would not exclude
 * its threads from each other; held around a fork. */
extern base_spin share_lock;

/* users.c. A new user by a description of its own, entered for this process or, NOT_YET, for a
 * child to be. 0, -EUSERS, -errno. */
enum user_kind { USER_ME, USER_ME_AGAIN, USER_CHILD };
int roster_enter(struct share_header *header, int file, enum user_kind kind,
                 struct share_user *user);
struct share_user user_of_id(uint64_t id, int file);
void roster_confirm(struct share_header *header, struct share_user *user, uint32_t pid);
void roster_leave(struct share_header *header, struct share_user *user);

/* A new area's memory in a new file; what a file has that another process made. The description
 * becomes the area's own on success. */
int area_create(struct share_area *area, const struct share_request *request, const char *name);
int area_attach(struct share_area *area, const struct share_request *request, int file);
void area_unlist(struct share_area *area);
void area_undo(struct share_area *area); /* what create and attach have made */

/* fork.c: must come before the first area is listed, lest a fork misses it. */
void share_fork_prepare_once(void);

#endif
