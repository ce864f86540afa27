/* An exhaustive explorer for protocols: every order of the steps of a few threads, every kill, to
 * the last state.
 *
 * A model is a state of a fixed number of bytes and a function that names each step possible in
 * it. The explorer visits breadth first, so the trace it prints for a fault is a shortest one. It
 * looks for four kinds of fault: a step or a state that the model itself calls wrong; a state in
 * which nothing can happen although somebody still wants something ("stuck"); a state from which
 * no way leads to an end, though something can always happen ("for ever"); more states than the
 * memory allowed.
 *
 * A model that finds no fault proves little as long as nobody knows that it could find one. So
 * each model carries its variants: the same protocol with one step dropped or exchanged with the
 * next, each of which must be caught (explore_main). */
#ifndef MODELS_EXPLORE_H
#define MODELS_EXPLORE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { EXPLORE_SIZE_MOST = 64 };

struct explore;
struct explore_model {
    const char *name;
    size_t size; /* bytes of a state, at most EXPLORE_SIZE_MOST */
    void (*start)(void *state);
    /* Calls explore_step for each step that is possible, explore_fault when a step does harm by
     * itself. */
    void (*steps)(const void *state, struct explore *run);
    /* Maps states that differ only in who is who to one of them; may be NULL. */
    void (*normal)(void *state);
    /* What is wrong with this state; NULL: nothing. */
    const char *(*wrong)(const void *state);
    /* Nobody wants anything any more, so that it is right when nothing can happen. */
    bool (*rests)(const void *state);
    void (*print)(const void *state, FILE *out);
};

struct explore {
    const struct explore_model *model;
    uint8_t *states;   /* in the order of discovery: the queue of the breadth-first walk too */
    uint32_t *parents; /* from which state each was first reached */
    uint32_t *table;   /* hash table of state numbers + 1 */
    uint32_t count, most, slots;
    uint32_t at;     /* the state whose steps are being listed */
    bool progressed; /* it has a step that is not the environment's */
    const char *fault;
    const char
        *wanted; /* while a trace is printed: the label of the step to `wanted_state` goes here */
    const uint8_t *wanted_state;
    /* While the ways back are drawn (explore_ends): what to do with a step from `at`. */
    void (*edges)(struct explore *run, uint32_t to);
    uint32_t *first; /* steps to state n come from from[first[n - 1]] up to from[first[n]] */
    uint32_t *from;
};

static inline uint8_t *explore_state(const struct explore *run, uint32_t number)
{
    return run->states + (size_t)number * run->model->size;
}

static inline uint64_t explore_hash(const uint8_t *state, size_t size)
{
    uint64_t hash = 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ state[i]) * 0x100000001b3u;
    return hash ^ hash >> 29;
}

static inline void *explore_map(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        perror("explore: mmap");
        exit(2);
    }
    return memory;
}

/* Twice the slots, so that at most half are in use. */
static inline void explore_grow(struct explore *run)
{
    uint32_t slots = run->slots ? run->slots * 2 : 1u << 16;
    uint32_t *table = explore_map((size_t)slots * sizeof *table);
    for (uint32_t number = 0; number < run->count; number++) {
        uint64_t i = explore_hash(explore_state(run, number), run->model->size);
        while (table[i & (slots - 1)])
            i++;
        table[i & (slots - 1)] = number + 1;
    }
    if (run->table)
        munmap(run->table, (size_t)run->slots * sizeof *table);
    run->table = table;
    run->slots = slots;
}

/* The slot of the state, or the empty one where it belongs. */
static inline uint32_t *explore_slot(struct explore *run, const uint8_t *state)
{
    uint64_t i = explore_hash(state, run->model->size);
    for (uint32_t found; (found = run->table[i & (run->slots - 1)]) != 0; i++)
        if (memcmp(explore_state(run, found - 1), state, run->model->size) == 0)
            break;
    return &run->table[i & (run->slots - 1)];
}

/* Notes a state unless it is known. */
static inline void explore_add(struct explore *run, const uint8_t *state)
{
    if (run->count >= run->slots / 2)
        explore_grow(run);
    uint32_t *slot = explore_slot(run, state);
    if (*slot)
        return;
    if (run->count == run->most) {
        run->fault = "more states than the memory allowed";
        return;
    }
    memcpy(explore_state(run, run->count), state, run->model->size);
    run->parents[run->count] = run->at;
    *slot = ++run->count;
}

/* A step from the current state. `progress`: somebody's own step; false: the environment's (a
 * kill), on which nobody may count. */
static inline void explore_step(struct explore *run, const void *next, bool progress,
                                const char *label)
{
    uint8_t state[EXPLORE_SIZE_MOST];
    memcpy(state, next, run->model->size);
    if (run->model->normal)
        run->model->normal(state);
    if (run->wanted_state) {
        if (!run->wanted && memcmp(state, run->wanted_state, run->model->size) == 0)
            run->wanted = label;
        return;
    }
    run->progressed |= progress;
    if (run->edges) {
        if (progress)
            run->edges(run, *explore_slot(run, state) - 1);
    } else if (!run->fault) {
        explore_add(run, state);
    }
}

/* The step that is being listed does harm. */
static inline void explore_fault(struct explore *run, const char *text)
{
    if (!run->fault && !run->wanted_state)
        run->fault = text;
}

static inline void explore_look(struct explore *run)
{
    const struct explore_model *model = run->model;
    const uint8_t *state = explore_state(run, run->at);
    const char *text = model->wrong ? model->wrong(state) : NULL;
    if (text) {
        run->fault = text;
        return;
    }
    run->progressed = false;
    model->steps(state, run);
    if (!run->fault && !run->progressed && !model->rests(state))
        run->fault = "stuck";
}

static inline void explore_count_edge(struct explore *run, uint32_t to)
{
    run->first[to + 1]++;
}

static inline void explore_note_edge(struct explore *run, uint32_t to)
{
    run->from[run->first[to]++] = run->at;
}

static inline void explore_each_edge(struct explore *run,
                                     void (*edges)(struct explore *run, uint32_t to))
{
    run->edges = edges;
    for (run->at = 0; run->at < run->count; run->at++)
        run->model->steps(explore_state(run, run->at), run);
    run->edges = NULL;
}

/* A counting sort of all steps by where they lead: afterwards first[n] is where those to n end. */
static inline size_t explore_draw_back(struct explore *run)
{
    size_t count = run->count;
    run->first = explore_map((count + 2) * sizeof *run->first);
    explore_each_edge(run, explore_count_edge);
    for (size_t n = 0; n < count; n++)
        run->first[n + 1] += run->first[n];
    size_t edges = run->first[count];
    run->from = explore_map((edges + 1) * sizeof *run->from);
    explore_each_edge(run, explore_note_edge);
    return edges;
}

/* Marks all states from which those in the queue can be reached; how many they are in all. */
static inline uint32_t explore_mark_back(struct explore *run, uint8_t *marks, uint32_t *queue,
                                         uint32_t count)
{
    for (uint32_t at = 0; at < count; at++) {
        uint32_t begin = queue[at] ? run->first[queue[at] - 1] : 0;
        for (uint32_t k = begin; k < run->first[queue[at]]; k++)
            if (!marks[run->from[k]]) {
                marks[run->from[k]] = 1;
                queue[count++] = run->from[k];
            }
    }
    return count;
}

/* From every state some steps of the threads, without any help of the environment, must lead to a
 * state that rests. */
static inline void explore_ends(struct explore *run)
{
    size_t count = run->count, edges = explore_draw_back(run);
    uint8_t *marks = explore_map(count);
    uint32_t *queue = explore_map(count * sizeof *queue), resting = 0;
    for (uint32_t n = 0; n < count; n++)
        if (run->model->rests(explore_state(run, n)))
            marks[queue[resting++] = n] = 1;
    if (explore_mark_back(run, marks, queue, resting) < count) {
        run->fault = "for ever: no way leads to an end";
        run->at = (uint32_t)((uint8_t *)memchr(marks, 0, count) - marks);
    }
    munmap(run->first, (count + 2) * sizeof *run->first);
    munmap(run->from, (edges + 1) * sizeof *run->from);
    munmap(queue, count * sizeof *queue);
    munmap(marks, count);
}

/* Visits everything that can be reached, or up to the first fault: run.fault, found in state
 * run.at. */
static inline struct explore explore_run(const struct explore_model *model, size_t memory)
{
    uint8_t first[EXPLORE_SIZE_MOST] = {0};
    /* per state: itself, its parent, its slots in the table, and later its place in the queue and
     * some five steps that lead to it */
    size_t most = memory / (model->size + 12 * sizeof(uint32_t));
    struct explore run = {.model = model, .most = most < UINT32_MAX ? (uint32_t)most : UINT32_MAX};
    run.states = explore_map(most * model->size);
    run.parents = explore_map(most * sizeof(uint32_t));
    model->start(first);
    if (model->normal)
        model->normal(first);
    explore_add(&run, first);
    while (run.at < run.count) {
        explore_look(&run);
        if (run.fault)
            break;
        run.at++;
    }
    if (!run.fault)
        explore_ends(&run);
    return run;
}

static inline void explore_end(struct explore *run)
{
    munmap(run->states, (size_t)run->most * run->model->size);
    munmap(run->parents, (size_t)run->most * sizeof(uint32_t));
    munmap(run->table, (size_t)run->slots * sizeof(uint32_t));
}

/* The way to state run.at, a line a step. The labels are found again by listing the steps of each
 * state on the way. */
static inline void explore_trace(struct explore *run, FILE *out)
{
    uint32_t way[1000];
    int length = 0;
    for (uint32_t at = run->at; length < 1000; at = run->parents[at]) {
        way[length++] = at;
        if (at == 0)
            break;
    }
    while (length-- > 0) {
        const uint8_t *state = explore_state(run, way[length]);
        fprintf(out, "    ");
        run->model->print(state, out);
        run->wanted = NULL;
        run->wanted_state = length ? explore_state(run, way[length - 1]) : NULL;
        if (run->wanted_state)
            run->model->steps(state, run);
        fprintf(out, "  -> %s\n", run->wanted ? run->wanted : run->fault);
    }
    run->wanted_state = NULL;
}

/* ---- the program around a model */

/* One exploration: who takes part and what may happen to them. The model reads it through
 * explore_case. */
struct explore_case {
    const char *name;
    int sizes[9]; /* the model's own meaning */
    bool full;    /* only with --full */
};

/* The protocol with one step dropped or exchanged. `alter` is what the model asks for; `in` names
 * the case that must catch it. */
struct explore_variant {
    int alter;
    const char *in, *text;
};

static const struct explore_case *explore_case_now;
static int explore_alter_now;
static bool explore_verbose;

static inline bool explore_altered(int alter)
{
    return explore_alter_now == alter;
}

static inline double explore_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Explores one case, with one alteration unless `variant` is NULL; true when a fault was found
 * exactly where one is `expected`. */
static inline bool explore_one(const struct explore_model *model, const struct explore_case *what,
                               const struct explore_variant *variant, bool expected, size_t memory)
{
    double begin = explore_seconds();
    explore_case_now = what;
    explore_alter_now = variant ? variant->alter : 0;
    struct explore run = explore_run(model, memory);
    bool good = expected == (run.fault != NULL);
    printf("%-4s%-18s %-52s %9u states %6.2f s: %s\n", good ? "ok" : "BAD", what->name,
           variant ? variant->text : "full protocol", run.count, explore_seconds() - begin,
           run.fault ? run.fault : "no fault");
    if (run.fault && (!good || explore_verbose))
        explore_trace(&run, stdout);
    fflush(stdout);
    explore_end(&run);
    return good;
}

static inline const struct explore_case *explore_find(const struct explore_case *cases,
                                                      const char *name)
{
    while (cases->name && strcmp(cases->name, name) != 0)
        cases++;
    if (!cases->name) {
        fprintf(stderr, "no case '%s'\n", name);
        exit(2);
    }
    return cases;
}

static inline void explore_list(const char *kind, const struct explore_variant *variants)
{
    for (; variants->text; variants++)
        printf("%-9s%-18s %s\n", kind, variants->in, variants->text);
}

static inline bool explore_variants(const struct explore_model *model,
                                    const struct explore_case *cases,
                                    const struct explore_variant *variants, bool expected,
                                    size_t memory)
{
    bool good = true;
    for (; variants->text; variants++)
        good &= explore_one(model, explore_find(cases, variants->in), variants, expected, memory);
    return good;
}

/* NAME: every case of CI size and every variant. --full, or PLAIT_LONG set: the large cases too.
 * --list: what there is. --trace: shortest way to each variant's fault. 0 when the full protocol
 * and its harmless variants have no fault and each other variant is caught. */
static inline int explore_main(int argc, char **argv, const struct explore_model *model,
                               const struct explore_case *cases,
                               const struct explore_variant *variants,
                               const struct explore_variant *harmless)
{
    const char *option = argc > 1 ? argv[1] : "";
    const char *wish = getenv("PLAIT_LONG");
    bool full = strcmp(option, "--full") == 0 || (wish && *wish), good = true;
    size_t memory = full ? (size_t)6 << 30 : (size_t)900 << 20;
    explore_verbose = strcmp(option, "--trace") == 0;
    if (strcmp(option, "--list") == 0) {
        for (const struct explore_case *one = cases; one->name; one++)
            printf("case     %s%s\n", one->name, one->full ? " (--full)" : "");
        explore_list("variant", variants);
        explore_list("harmless", harmless);
        return 0;
    }
    for (const struct explore_case *one = cases; one->name; one++)
        if (full || !one->full)
            good &= explore_one(model, one, NULL, false, memory);
    good &= explore_variants(model, cases, variants, true, memory);
    good &= explore_variants(model, cases, harmless, false, memory);
    return good ? 0 : 1;
}

/* The end of a model's file, whose functions and tables have these names: the model's own, and
 * behind it what not every model has, as .wrong = wrong. */
#define EXPLORE_MAIN(...)                                                                          \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        static const struct explore_model model = {.size = sizeof(struct state),                   \
                                                   .start = start,                                 \
                                                   .steps = steps,                                 \
                                                   .rests = rests,                                 \
                                                   .print = print,                                 \
                                                   .name = __VA_ARGS__};                           \
        return explore_main(argc, argv, &model, cases, variants, harmless);                        \
    }

#endif
