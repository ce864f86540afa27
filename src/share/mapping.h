/* The registry of what plait has mapped for several processes: memory of plait_share, and areas.
 *
 * It has no lock, because a child forked while another thread held it could never take it again.
 * Records are never freed, only used again. Their state, one word:
 *   0 FREE    anybody may take it by compare-and-swap
 *   1 TAKEN   being filled in or emptied by one thread
 *   2 LISTED  start and size are valid, published by the release store of this state
 * Who reads a record while it changes hands may see a start and a size that do not belong together.
 * That can only answer a question about memory that is being mapped or unmapped at the same moment,
 * which is the asker's race, not ours. */
#ifndef SHARE_MAPPING_H
#define SHARE_MAPPING_H

#include "base/atomic.h"

#include <stddef.h>

struct share_area;

enum { SHARE_BESIDE = 1 << 20 }; /* bytes of addresses behind what plait_share gives: beside.h */

struct mapping {
    uint32_t state;
    char *start;
    size_t size;             /* bytes that may be touched; an area's grow */
    int file;                /* stays open, so that it can be handed on; -1: none */
    struct share_area *area; /* NULL: plait_share's */
    size_t beside;           /* bytes behind `size` known to be there: beside.h */
    struct mapping *next;    /* set once, before the record is in the list */
};

struct mapping *mapping_take(void); /* TAKEN; NULL: no memory */
void mapping_list(struct mapping *mapping);
void mapping_drop(struct mapping *mapping); /* FREE from now on */
/* The caller alone empties it from now on; false: it is not listed any more. */
bool mapping_retake(struct mapping *mapping);
struct mapping *mapping_of(const void *address); /* the one that holds it; NULL */
struct mapping *
mapping_next(const struct mapping *after); /* listed ones; NULL: the first, the end */

#endif
