/* Tasks inside plait: a slot in the table, which lives from the start until the handle is given
 * back, and a record, which lives while the task runs.
 *
 * A handle (plait_task *) is not a pointer but slot and serial number; each call checks it, so that
 * a handle that was given back is found.
 *
 * slot.state, one word, also what a join sleeps on:
 *   bits 0-2  plait_state: PENDING, RUNNING, DONE, FAILED, CANCELED (WAITING is never stored: the
 *   record's note tells)
 *   bit 3     JOINED: somebody sleeps until the end
 *   bit 4     LOOSE: nobody has the handle; who publishes the end frees the slot
 *   bit 5     BELL: somebody has a descriptor that the end must ring (bell.c)
 * The end is one swap of this word: status and record are written before (RELEASE), and nothing of
 * the slot is touched after by the one who ended.
 *
 * Carriers are tables (struct task_kind): start, terminate, kill, end. */
#ifndef TASK_TASK_H
#define TASK_TASK_H

#include "sched/sched.h"

#include <plait/task.h>

#include <pthread.h>

enum { TASK_STATE = 7, TASK_JOINED = 8, TASK_LOOSE = 16, TASK_BELL = 32 };
enum { TASK_NAME = 48, TASK_STACK_THREAD = 1 << 20 };

/* What a task has started without a handle: counted, so that a million of them leave nothing
 * behind. */
struct task_scope {
    uint32_t running; /* also what plait_join_all sleeps on */
    uint32_t failed;
};

/* The entries by which the task reads reader-writer locks at the moment (sync/readers.h), the
 * newest last. Changed by the task alone; read by others as a hint, and once by a fork's child. */
enum { TASK_READS = 15 };
struct task_reads {
    uint32_t count;
    uint32_t more; /* beyond the list's end: counted inside the lock, and not known by name */
    union readers_entry *entry[TASK_READS];
};
/* Bit c: somebody has read by column c of the table. A fork's child begins with none, which also
 * tells that its table is not in order yet. */
extern WAIT_HOT uint64_t task_read_columns;

struct task_record {
    struct sched_co co; /* must be first: co.self is the task's wait_self, for every carrier */
    plait_function *function;
    void *arg;
    uint32_t slot;
    uint32_t flags; /* TASK_IS_... */
    uint64_t id;
    plait_carrier carrier;
    struct task_scope children;
    struct task_scope *counts;     /* instead of `children`: of the pool's job that it runs */
    struct task_scope *counted_in; /* the starter's, or NULL */
    struct task_block *block;      /* the innermost of its own that it is in now; scope.h */
    uintptr_t inside;              /* the block that it was started in, and INSIDE_... */
    struct list inside_link;
    bool inside_own;        /* started by that block's own task: its failure is the block's */
    const void *awaited;    /* whose count it waits for: scope or block; holders.c */
    struct pool_frame *job; /* of a pool, the innermost that runs as this task */
    struct plait_generator *generator; /* the innermost that runs as this task; generator.c */
    struct task_reads reads;
    struct task_locals *locals;
    struct task_process *process;        /* in the parent of a process: what it knows of it */
    struct task_process *process_memory; /* kept with the record, as type-stable as it is */
    pthread_t thread;
    struct task_record *next_free;
    struct task_visit *visit; /* plait_tasks_visit is under way: the innermost */
    char name[TASK_NAME];     /* empty: made from carrier and id when asked */
};
enum {
    TASK_IS_DAEMON = 1,
    TASK_IS_FOREIGN = 2,
    TASK_IS_MAIN = 4,
    TASK_IS_FIBER = 8,
    TASK_IS_KEPT = 16
};

struct task_slot {
    uint32_t state;
    uint32_t serial; /* odd: in use */
    int32_t status;
    uint32_t flags;             /* TASK_HAS_..., carrier in the upper half */
    struct task_record *record; /* NULL: ended, and its record is gone */
    uint64_t id;                /* or the next free slot */
};
enum { TASK_HAS_CORE = 1, TASK_HAS_DAEMON = 2, TASK_HAS_EXIT = 4 };

/* A handle that plait_tasks_visit gave out stays good until the visit is over, though the task may
 * end and its slot be given back meanwhile: then `copy`, as a task that has ended, answers for
 * it. */
struct task_visit {
    const plait_task *task;
    struct task_slot copy;
    struct task_visit *outer;
};

/* The record may go at any moment for all but the task itself: what others read through it is a
 * hint, and stays readable memory. */
static inline struct task_record *slot_record(const struct task_slot *slot)
{
    return atom_load(&slot->record, ACQUIRE); /* pairs with slot_set_record */
}
static inline void slot_set_record(struct task_slot *slot, struct task_record *record)
{
    atom_store(&slot->record, record, RELEASE);
}

/* slot.c: the table */
struct task_slot *slot_new(uint32_t *number); /* serial set, state PENDING; NULL: no memory */
void slot_free(uint32_t number);
struct task_slot *slot_at(uint32_t number);
uint32_t slot_limit(void); /* all numbers in use are below */
plait_task *slot_handle(uint32_t number);
/* The slot of a handle that the user gave; a wrong one stops the program. NULL means the calling
 * task. */
struct task_slot *slot_of(const plait_task *task, const char *verb, void *place);
uint32_t slot_number(const plait_task *task);
/* For dumps, since their handles may have been given back: NULL then. */
struct task_slot *slot_find(const plait_task *task);
struct task_visit **slot_visits(void); /* the innermost visit of who calls */
bool slot_is_visited(const plait_task *task);
void slot_fork_prepare(void);
void slot_fork_done(void);
void slot_keep_only(uint32_t number); /* in a fork's child, since the rest is the parent's */

/* bell.c */
int bell_new(struct task_slot *slot, uint32_t number, uint32_t serial);
void bell_ring(uint32_t slot, uint32_t serial);
/* Calls function(arg) once when the task, not NULL, has ended, by whoever tells its end; at once if
 * it has. 0, -ENOMEM. */
int task_on_end(plait_task *task, void (*function)(void *arg), void *arg, void *place);
int bells_forget(const void *arg); /* takes back those of task_on_end with it; how many */
void bell_fork_prepare(void);
void bell_fork_parent(void);
void bell_fork_child(void);

/* record.c */
struct task_record *record_new(void); /* of a thread or process; type-stable memory */
void record_free(struct task_record *record);
static inline struct task_record *task_me(void)
{
    return (struct task_record *)wait_me();
}
struct task_record *task_main(void); /* this process' main task */
void task_main_set(struct task_record *record);
const char *record_name(struct task_record *record);
void record_rename(struct task_record *record, const char *name); /* NULL: what it would have had */
uint64_t record_next_id(void);
void record_id_set(struct task_record *record, uint64_t id); /* and later ones go on from there */
/* Filled in by watch/, because task/ must not include it: plait's first use, when the settings
 * stand */
extern void (*task_first_use)(void);
struct wait_self *task_adopt(void);       /* adopt.c: of a thread that plait did not start */
struct task_record *record_of_main(void); /* memory for the first process' main task */
void record_fork_prepare(void);
void record_fork_done(void);

/* count.c; what waits is called while `running` is not 0 */
int count_attempt(void *running);
int count_words(void *running, struct wait_word *words);
extern const struct wait_call count_call; /* "join all tasks" */
void count_out(uint32_t *running);
void task_count_out(struct task_scope *scope, bool failed);
void task_finish_children(struct task_record *record);

/* options.c: 0, -EINVAL */
int start_options_check(plait_carrier carrier, const void *arg, const plait_start_options *options);

/* start.c, end.c */
void task_run(struct task_record *record); /* the function and the end, on the task's own stack */
void task_end(struct task_record *record, int status);
/* The end of a task whose record may be another's afterwards. */
void task_tell_end(struct task_record *record, plait_state state, int status);
void task_publish(uint32_t slot, plait_state state, int status);
bool task_has_ended(const struct task_slot *slot);
void task_give_back(uint32_t slot);

/* holders.c: of a wait for the end of `shown`, a handle (wait/look.h) */
int task_holders(const struct wait_self *waiter, const void *shown, struct wait_holder *who,
                 int most);
/* From now on `record` waits for all that are counted in this scope or listed in this block; NULL:
 * no more. */
void tasks_awaited(struct task_record *record, const void *count, bool may_fail);

/* check.c: a message unless the task may end now, or block for long at `place` */
void task_check_end(struct task_record *record);
void task_check_blocking(struct task_record *record, void *place);

/* local.c */
void locals_destroy(struct task_record *record);
int locals_inherit(struct task_record *from, struct task_record *to); /* at a start; 0, -ENOMEM */
void locals_fork_prepare(void);
void locals_fork_done(void);

/* generator.c */
bool generator_has_stack(const struct task_record *record, const void *stack);

/* query.c: the name of a task that may have been given back since */
const char *task_name_hint(const plait_task *task);

/* query.c: filled in by pool/: the calling job is in a call that blocks for long, and no more */
extern void (*task_blocks_begin)(void), (*task_blocks_end)(void);

/* exit.c, fork.c */
extern int (*task_quiesce)(int64_t deadline, void *place); /* the same: ends threads of its own */
extern void (*task_drain)(void); /* filled in by pool/: the program ends */
bool exit_is_prepared(void);
void exit_prepare(void);  /* registers plait's handler, once */
void exit_finish(void);   /* the same, and all jobs of pools */
void exit_join_all(void); /* until nothing but daemons and the caller runs */
void exit_after_fork(void);
void fork_prepare_once(void);
/* A child of this process' parent: 0 there, here its pid and a pidfd; -errno */
int fork_sibling(int *pidfd, int32_t *told);

#endif
