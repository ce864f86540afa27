/* The job of the tour's second part: a tree cut into pieces, counted by one task or by a plait_map
 * on a pool of any carrier, with the same function. A piece's result is its tally and the number of
 * the table that has its words; tables lie in plait_share memory, one for each worker at a time. A
 * worker that is killed takes its table along: what it had counted is counted again. */
#ifndef TOOL_PLAN_H
#define TOOL_PLAN_H

#include "count.h"
#include "crew.h"
#include "top.h"
#include "walk.h"

#include <stdatomic.h>

enum { PLAN_TABLES = TOP_TABLES }; /* one more than workers, for who replaces a killed one */

struct plan_piece {
    size_t file;
    uint64_t from, to;
};

struct plan_shared {
    _Atomic int stopped;            /* the time was over before the pieces were */
    _Atomic int killed;             /* a worker has killed itself, as was asked for */
    _Atomic int taken[PLAN_TABLES]; /* by a worker; one that was killed never gives it back */
};

struct plan {
    const struct walk *walk;
    struct plan_piece *pieces;
    uint64_t piece_count;
    int *errors; /* by file: errno's */
    struct plan_shared *shared;
    struct table *tables[PLAN_TABLES];
    int tables_made;
    uint64_t passes; /* how often the tree is read, so that it takes half a second */
    int64_t deadline;
    bool kill_one; /* the worker that has counted the piece in the middle is to be killed */
    void (*tick)(const struct plan *plan, uint64_t done, uint64_t whole, double seconds_left);
};

struct plan_result {
    struct tally total; /* of one pass */
    uint64_t files;     /* read; of one pass */
    uint64_t read;      /* bytes of all passes */
    uint64_t again;     /* pieces of all passes that were counted again, their table being lost */
    bool killed;        /* a worker, as was asked for */
    bool stopped;       /* the time was over */
    bool whole;         /* not stopped early, and all passes found the same */
    bool exact;         /* no table was full: the top words are certain */
    int failed;         /* a code, or what a job failed with */
    struct crew_clock used;
    struct top_word top[TOP_MOST]; /* their texts lie in the tables: good until the next run */
    int top_count;
};

/* Cuts the tree, makes the shared memory, and one table. 0 or -ENOMEM; plan_free in either case. */
int plan_make(struct plan *plan, const struct walk *walk);
/* Until there are so many tables, as large as the first has become. */
int plan_add_tables(struct plan *plan, int count);
void plan_free(struct plan *plan);

/* Counts the tree: in sequence pass after pass until half a second has gone, which sets `passes`;
 * with these workers that often. */
void plan_run(struct plan *plan, plait_carrier carrier, int workers, struct plan_result *result);

#endif
