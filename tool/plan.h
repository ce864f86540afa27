/* The job of the tour's second part: a tree cut into pieces, counted by some workers of any
 * carrier. What they share - the number of the next piece, their tallies and tables - lies in
 * plait_share memory, so that the code is the same for all. */
#ifndef TOOL_PLAN_H
#define TOOL_PLAN_H

#include "count.h"
#include "crew.h"
#include "top.h"
#include "walk.h"

#include <stdatomic.h>

enum { PLAN_WORKERS = TOP_TABLES };

struct plan_piece {
    size_t file;
    uint64_t from, to;
};

struct plan_share {
    struct tally tally;
    uint64_t files; /* whose first byte it read */
};

struct plan_shared {
    _Atomic uint64_t next;  /* number of the next piece, counted through all passes */
    _Atomic uint64_t bytes; /* done; for the bar */
    _Atomic int stopped;    /* the time was over before the pieces were */
    struct plan_share part[PLAN_WORKERS];
};

struct plan {
    const struct walk *walk;
    struct plan_piece *pieces;
    uint64_t piece_count;
    int32_t *errors; /* by file: errno's; shared memory */
    struct plan_shared *shared;
    struct table *tables[PLAN_WORKERS];
    int tables_made;
    uint64_t passes; /* how often the tree is read, so that it takes half a second */
    int64_t deadline;
    void (*tick)(const struct plan *plan);
};

struct plan_result {
    struct tally total; /* of one pass */
    uint64_t files;     /* read; of one pass */
    uint64_t read;      /* bytes of all passes */
    bool whole;         /* not stopped early, and all passes found the same */
    bool exact;         /* no table was full: the top words are certain */
    int failed;         /* a start's or worker's code */
    struct crew_clock used;
    struct top_word top[TOP_MOST]; /* their texts lie in the tables: good until the next run */
    int top_count;
};

/* Cuts the tree, makes the shared memory, and the table of one worker. 0 or -ENOMEM; plan_free
 * in either case. */
int plan_make(struct plan *plan, const struct walk *walk);
/* Tables for more workers, as large as the first has become. */
int plan_add_tables(struct plan *plan, int count);
void plan_free(struct plan *plan);

/* Counts the tree with these workers; `passes` times, or when 0: again until half a second has
 * passed, and `passes` becomes that number. */
void plan_run(struct plan *plan, plait_carrier carrier, int workers, struct plan_result *result);

#endif
