/* The book of orders.
 *
 * Problem: a circle of locks hangs only in the rare moment when all its holders meet; it is to be
 * found even when they never do. Obvious idea: remember for each lock which others were held when
 * it was taken, and look for a circle at each acquire (Abseil's checker). Then each acquire takes a
 * lock of the whole program and walks a graph. Instead (the kernel's lockdep): a pair once looked
 * at needs no second look, so the usual acquire asks one bit for each lock that the task holds.
 *
 * Nodes are what an order is kept for: a lock that was never initialised by a call (zeroed: static
 * ones, most of all) is a node by itself, since nothing else is known about it; those initialised
 * by plait_..._init are one node for each place that did it, so that an order found between two of
 * them holds for all. Two of one such class have nodes of their own for the order between them.
 *
 *   1. check_order: the bit [held][wanted] is set for each held one: done.
 *   2. Under the book's lock: numbers for locks that have none, or whose number has been given to
 *      another since; the bit again.
 *   3. Set the bit. Is there a way from the wanted one to the held one? Then report the circle, and
 *      leave the new step out of the graph, so that one mistake is told once and not with each
 *      later step. Otherwise enter it.
 * A number is an index and a generation: nodes are handed on in turn when all are in use, and a
 * lock whose node is another's by now begins anew. So memory is bounded, and what is lost is at
 * most a finding. A lock freed, and its memory used for another: that one begins with a zero
 * mark. */
#include "sync/order.h"
#include "base/report.h"
#include "base/spin.h"
#include "os/os.h"

#include <string.h>

enum {
    NODES = ORDER_NODES,
    EDGES = 16384,
    CLASSES_MOST = NODES / 2, /* the other half stays free for single locks */
    CLASS_SLOTS = NODES,
    SHARED = 1024
};

/* A lock or a class. Edges by index, 0: none. */
struct node {
    const void *key; /* the lock, or the place where its class is initialised */
    uint32_t number; /* generation << ORDER_INDEX_BITS | index; 0: never used */
    bool is_class;
    uint16_t out, in;
};

/* `to` was waited for while `from` was held. In the lists of both, linked both ways, because locks
 * that come and go under one that stays make its list long. */
struct edge {
    uint16_t from, to;
    uint16_t next_out, last_out, next_in, last_in;
    bool reversed; /* told, and no way for the search */
    struct order_step step;
};

struct book {
    uint64_t known[NODES][NODES / 64];
    struct node nodes[NODES];
    struct edge edges[EDGES];
    uint16_t classes[CLASS_SLOTS]; /* by place: open addressing, nothing is taken out */
    uint16_t came[NODES];          /* of the search: by which edge; the stack; who was seen */
    uint16_t stack[NODES];
    uint64_t seen[NODES / 64];
    struct {
        const void *object;
        struct wait_mark mark;
    } shared[SHARED];
    uint32_t used, class_count; /* nodes; index 0 is none */
    uint32_t hand;              /* of the clock that hands nodes on */
    uint32_t edges_used;
    uint16_t edges_free; /* linked by next_out */
};

static base_spin lock;
static struct book *book;
uint64_t (*order_known)[NODES / 64];

static void order_fork_prepare(void)
{
    base_spin_lock(&lock);
}

static void order_fork_done(void)
{
    base_spin_unlock(&lock);
}

/* Not when the book is made: a fork at that moment would leave the lock to a child. And what is
 * registered later is called earlier, so that the program's own handlers, which may take locks
 * before a fork, would wait for us. */
__attribute__((constructor)) static void order_begin(void)
{
    base_at_fork(order_fork_prepare, order_fork_done, order_fork_done);
}

/* With the lock held, so that it is made once. NULL: no memory, nothing is checked. */
static struct book *book_open(void)
{
    if (!book) {
        struct book *made = os_map(sizeof *made);
        if (!made)
            return NULL;
        made->used = made->hand = made->edges_used = 1;
        book = made;
        atom_store(&order_known, made->known, RELEASE); /* pairs with order_is_known */
    }
    return book;
}

static uint32_t index_of(uint32_t number)
{
    return number & (NODES - 1);
}

static uint64_t *word_of(struct book *in, uint32_t from, uint32_t to)
{
    return &in->known[index_of(from)][index_of(to) / 64];
}

/* ---- edges */

static void edge_unlink(struct book *in, const struct edge *edge)
{
    *(edge->last_out ? &in->edges[edge->last_out].next_out : &in->nodes[edge->from].out) =
        edge->next_out;
    in->edges[edge->next_out].last_out = edge->last_out; /* that of edge 0 means nothing */
    *(edge->last_in ? &in->edges[edge->last_in].next_in : &in->nodes[edge->to].in) = edge->next_in;
    in->edges[edge->next_in].last_in = edge->last_in;
}

static void edge_remove(struct book *in, uint16_t number)
{
    struct edge *edge = &in->edges[number];
    edge_unlink(in, edge);
    atom_and(word_of(in, edge->from, edge->to), ~(UINT64_C(1) << edge->to % 64), RELAXED);
    edge->next_out = in->edges_free;
    in->edges_free = number;
}

static void node_clear(struct book *in, uint32_t index)
{
    while (in->nodes[index].out)
        edge_remove(in, in->nodes[index].out);
    while (in->nodes[index].in)
        edge_remove(in, in->nodes[index].in);
    for (uint32_t i = 0; i < NODES / 64;
         i++) /* pairs that are no edge, because there was none left */
        atom_store(&in->known[index][i], 0, RELAXED);
}

/* The next node that the clock may take; 0: all are classes, which stay because they are few and
 * what most locks are known by. */
static uint32_t node_handed_on(struct book *in, uint32_t but)
{
    for (uint32_t tries = 0; tries < NODES; tries++) {
        uint32_t index = in->hand;
        in->hand = in->hand + 1 < NODES ? in->hand + 1 : 1;
        if (index < in->used && index != but && !in->nodes[index].is_class) {
            node_clear(in, index);
            return index;
        }
    }
    return 0;
}

/* 0: all are in use; the pair is not found again then, because its bit is set. */
static uint16_t edge_new(struct book *in)
{
    uint16_t edge = in->edges_free;
    if (edge)
        in->edges_free = in->edges[edge].next_out;
    else if (in->edges_used < EDGES)
        edge = (uint16_t)in->edges_used++;
    return edge;
}

static void edge_add(struct book *in, uint32_t from, uint32_t to, const struct order_step *step,
                     bool reversed)
{
    uint16_t number = edge_new(in);
    if (!number)
        return;
    in->edges[number] = (struct edge){
        .from = (uint16_t)from,
        .to = (uint16_t)to,
        .next_out = in->nodes[from].out,
        .next_in = in->nodes[to].in,
        .reversed = reversed,
        .step = *step,
    };
    in->edges[in->nodes[from].out].last_out = number;
    in->edges[in->nodes[to].in].last_in = number;
    in->nodes[from].out = in->nodes[to].in = number;
}

/* ---- nodes and numbers */

/* 0: all are classes. Not `but`, because the caller uses it. */
static uint32_t node_new(struct book *in, const void *key, bool is_class, uint32_t but)
{
    uint32_t index = in->used < NODES ? in->used++ : node_handed_on(in, index_of(but));
    struct node *node = &in->nodes[index];
    if (index == 0)
        return 0;
    node->key = key;
    node->is_class = is_class;
    node->number += node->number ? NODES : index;
    atom_or(word_of(in, index, index), UINT64_C(1) << index % 64, RELAXED);
    return node->number;
}

/* Does the number still stand for this lock, or for a class? Its node may have been handed on, so
 * the generation must be the same, too. */
static bool is_valid(const struct book *in, uint32_t number, const void *object)
{
    const struct node *node = &in->nodes[index_of(number)];
    return number && node->number == number && (node->is_class || node->key == object);
}

/* The number of `object` in one of its mark's two words, made if need be; 0: there is none to be
 * had. */
static uint32_t number_in(struct book *in, uint32_t *word, const void *object, uint32_t but)
{
    uint32_t number = atom_load(word, RELAXED);
    if (!is_valid(in, number, object))
        atom_store(word, number = node_new(in, object, false, but), RELAXED);
    return number;
}

/* Between which nodes the pair has its order: the classes, or within one class the locks
 * themselves. False: none. */
static bool numbers_of(struct book *in, const struct order_step *step, struct wait_mark *held,
                       struct wait_mark *wanted, uint32_t *from, uint32_t *to)
{
    *from = number_in(in, &held->class, step->held, 0);
    *to = number_in(in, &wanted->class, step->object, *from);
    if (*from && *from == *to) {
        *from = number_in(in, &held->own, step->held, 0);
        *to = number_in(in, &wanted->own, step->object, *from);
    }
    return *from && *to && *from != *to;
}

/* ---- the search */

static bool was_seen(struct book *in, uint32_t index)
{
    uint64_t bit = UINT64_C(1) << index % 64, *word = &in->seen[index / 64];
    bool before = *word & bit;
    *word |= bit;
    return before;
}

/* Is there a way from `from` to `to`? in->came then leads back, so that it can be told. */
static bool find_way(struct book *in, uint32_t from, uint32_t to)
{
    uint32_t depth = 0;
    memset(in->seen, 0, sizeof in->seen);
    was_seen(in, from);
    in->stack[depth++] = (uint16_t)from;
    while (depth) {
        uint32_t at = in->stack[--depth];
        if (at == to)
            return true;
        for (uint16_t edge = in->nodes[at].out; edge; edge = in->edges[edge].next_out)
            if (!in->edges[edge].reversed && !was_seen(in, in->edges[edge].to)) {
                in->came[in->edges[edge].to] = edge;
                in->stack[depth++] = in->edges[edge].to;
            }
    }
    return false;
}

static void tell_way(const struct book *in, uint32_t from, uint32_t to, struct order_circle *circle)
{
    *circle = (struct order_circle){0};
    for (uint32_t at = to; at != from; at = in->edges[in->came[at]].from)
        if (circle->count < ORDER_STEPS)
            circle->step[circle->count++] = in->edges[in->came[at]].step;
        else
            circle->more++;
}

/* Steps 2 and 3, with the lock held. */
static bool enter(struct book *in, const struct order_step *step, struct wait_mark *held,
                  struct wait_mark *wanted, struct order_circle *circle)
{
    uint32_t from, to;
    if (!numbers_of(in, step, held, wanted, &from, &to))
        return false;
    uint64_t bit = UINT64_C(1) << index_of(to) % 64;
    if (atom_or(word_of(in, from, to), bit, RELAXED) & bit)
        return false;
    from = index_of(from);
    to = index_of(to);
    bool reversed = find_way(in, to, from);
    if (reversed)
        tell_way(in, to, from, circle);
    edge_add(in, from, to, step, reversed);
    return reversed;
}

bool order_learn(const struct order_step *step, struct wait_mark *held, struct wait_mark *wanted,
                 struct order_circle *circle)
{
    base_spin_lock(&lock);
    struct book *in = book_open();
    bool reversed = in && enter(in, step, held, wanted, circle);
    base_spin_unlock(&lock);
    return reversed;
}

/* ---- classes, and locks in shared memory */

/* Where addresses differ: in their middle bits. */
static uint32_t hash_of(const void *address)
{
    return (uint32_t)((uint64_t)(uintptr_t)address * UINT64_C(0x9e3779b97f4a7c15) >> 40);
}

/* With the lock held. 0: too many classes, its locks stand for themselves. */
static uint32_t class_number(struct book *in, void *place)
{
    uint32_t at = hash_of(place) % CLASS_SLOTS;
    for (; in->classes[at]; at = (at + 1) % CLASS_SLOTS)
        if (in->nodes[in->classes[at]].key == place)
            return in->nodes[in->classes[at]].number;
    uint32_t number = in->class_count < CLASSES_MOST ? node_new(in, place, true, 0) : 0;
    if (number) {
        in->class_count++;
        in->classes[at] = (uint16_t)index_of(number);
    }
    return number;
}

void order_class(struct wait_mark *mark, void *place)
{
    base_spin_lock(&lock);
    struct book *in = book_open();
    atom_store(&mark->class, in ? class_number(in, place) : 0, RELAXED);
    atom_store(&mark->own, 0, RELAXED);
    base_spin_unlock(&lock);
}

struct wait_mark *order_shared_mark(const void *object, bool anew)
{
    struct wait_mark *mark = NULL;
    base_spin_lock(&lock);
    struct book *in = book_open();
    uint32_t at = hash_of(object) % SHARED, tries = 0;
    for (; in && tries < SHARED && in->shared[at].object != object; tries++)
        if (!in->shared[at].object)
            in->shared[at].object = object;
        else
            at = (at + 1) % SHARED;
    if (in && in->shared[at].object == object)
        mark = &in->shared[at].mark;
    if (mark && anew)
        *mark = (struct wait_mark){0};
    base_spin_unlock(&lock);
    return mark;
}
