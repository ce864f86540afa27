/* Where the items of a stock lie: cells that do not move, so that a user may write and read in
 * place. Those of elements come from slabs and are used again; a message has one of its own. */
#ifndef QUEUE_CELL_H
#define QUEUE_CELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whose a cell is: told apart so that an address that is none can be refused. */
enum cell_state { CELL_FREE = 0x11, CELL_WRITTEN = 0x22, CELL_IN = 0x33, CELL_TAKEN = 0x44 };

struct cell {
    union {
        struct cell *next; /* in a list */
        uint64_t order;    /* in a heap and taken from it: who came first */
    };
    int64_t priority;
    uint64_t state : 8, size : 56; /* size: of a message */
    char item[];
};

struct slab {
    struct slab *next;
    char cells[];
};

struct cells {
    size_t stride;     /* bytes from cell to cell; 0: each is allocated by itself */
    struct cell *free; /* used before, the last one first, since the cache may still know it */
    char *fresh, *end; /* of the newest slab: never used */
    struct slab *slabs;
    size_t grow; /* how many cells the next slab has */
};

/* An item's cell: what a user gives back must be one. */
static inline struct cell *cell_of(const void *item)
{
    return (struct cell *)((char *)item - offsetof(struct cell, item));
}

/* NULL: none left, cells_add first. */
static inline struct cell *cells_take(struct cells *cells)
{
    struct cell *cell = cells->free;
    if (cell) {
        cells->free = cell->next;
        return cell;
    }
    if (cells->fresh == cells->end)
        return NULL;
    cell = (struct cell *)cells->fresh;
    cells->fresh += cells->stride;
    return cell;
}

static inline void cells_give(struct cells *cells, struct cell *cell)
{
    cell->state = CELL_FREE;
    cell->next = cells->free;
    cells->free = cell;
}

/* A slab of `count` cells; NULL: no memory. Not under a lock, because it allocates. */
struct slab *cells_slab(const struct cells *cells, size_t count);
/* The slab is the newest one now. */
void cells_add(struct cells *cells, struct slab *slab, size_t count);
void cells_free_all(struct cells *cells);

/* A message's. */
struct cell *cell_alloc(size_t size);

#endif
