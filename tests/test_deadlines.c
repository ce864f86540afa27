/* Rule 1 of the interface, for every call that waits: one table, the same questions to each row.
 *
 *   would it have to wait?   PLAIT_NOW: -EAGAIN. A deadline that has passed: -ETIMEDOUT, at once.
 *                            One ahead: -ETIMEDOUT, never before it. A cancel: -ECANCELED, and only
 *                            once
 *   is it ready?             PLAIT_NOW and a deadline that has passed do it: they try once
 *   a duration?              before the program's start: abort, with the place
 *   no deadline?             it waits until it is done, and not for less
 *
 * Rows S0-3-blocking and S0-3-nonblocking of the notes, whose headings have no text: every blocking
 * call has a form that tries, one that waits for a time, and one that waits until done. */
#include "crew.h"

#include <stdlib.h>

static plait_lock lock, second;
static plait_rlock rlock;
static plait_rwlock rwlock;
static plait_semaphore semaphore;
static plait_event event;
static plait_condition condition;
static plait_barrier barrier;
static plait_latch latch;
static plait_once once;
static plait_queue *queue;
static plait_task *helper; /* that a row needs, or that is waited for */
static plait_event go_on;
static bool is_true;

/* One waiting call, and how others keep it waiting. */
struct row {
    const char *name;
    int (*call)(int64_t deadline); /* 0 or more: done */
    void (*block)(void);           /* by another task: it has to wait from now on */
    void (*open)(void);            /* by that task, while it waits: it need not wait any more */
    void (*again)(void);           /* by the caller: after it was done once, make it ready again */
    void (*mend)(void);            /* by the caller: after it was given up, NULL: nothing to do */
    void (*ready)(void);           /* by that task, after `open`: it stays ready, NULL: it is */
};

#define MUST(row, condition)                                                                       \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_abort_msg("%s: %s", (row)->name, #condition);                                       \
    } while (0)

static void nothing(void)
{
}

/* ---- locks */
static int take_lock(int64_t deadline)
{
    return plait_lock_acquire(&lock, deadline);
}

static void hold_lock(void)
{
    need(plait_lock_acquire(&lock, PLAIT_NEVER) == 0);
}

static void free_lock(void)
{
    plait_lock_release(&lock);
}

static int take_rlock(int64_t deadline)
{
    return plait_rlock_acquire(&rlock, deadline);
}

static void hold_rlock(void)
{
    need(plait_rlock_acquire(&rlock, PLAIT_NEVER) == 0);
}

static void free_rlock(void)
{
    plait_rlock_release(&rlock);
}

static int take_both(int64_t deadline)
{
    return plait_locks_acquire((plait_lock *[]){&second, &lock}, 2, deadline);
}

static void free_both(void)
{
    plait_locks_release((plait_lock *[]){&second, &lock}, 2);
}

static int take_read(int64_t deadline)
{
    return plait_rwlock_acquire_read(&rwlock, deadline);
}

static int take_write(int64_t deadline)
{
    return plait_rwlock_acquire_write(&rwlock, deadline);
}

static void hold_read(void)
{
    need(plait_rwlock_acquire_read(&rwlock, PLAIT_NEVER) == 0);
}

static void hold_write(void)
{
    need(plait_rwlock_acquire_write(&rwlock, PLAIT_NEVER) == 0);
}

static void free_rwlock(void)
{
    plait_rwlock_release(&rwlock);
}

/* ---- counts and flags */
static int take_unit(int64_t deadline)
{
    return plait_semaphore_acquire(&semaphore, 1, deadline);
}

static void give_unit(void)
{
    plait_semaphore_release(&semaphore, 1);
}

static int wait_event(int64_t deadline)
{
    return plait_event_wait(&event, deadline);
}

static int take_event(int64_t deadline)
{
    return plait_event_take(&event, deadline);
}

static void clear_event(void)
{
    plait_event_clear(&event);
}

static void set_event(void)
{
    plait_event_set(&event);
}

static int select_event(int64_t deadline)
{
    return plait_select(deadline, plait_on_event(&event), plait_on_latch(&latch));
}

static void block_select(void)
{
    clear_event();
    plait_latch_init(&latch, 1, PLAIT_PRIVATE);
}

static int wait_latch(int64_t deadline)
{
    return plait_latch_wait(&latch, deadline);
}

static void raise_latch(void)
{
    plait_latch_init(&latch, 1, PLAIT_PRIVATE);
}

static void lower_latch(void)
{
    plait_latch_add(&latch, -1);
}

static bool told(void *arg)
{
    return *(bool *)arg;
}

static int wait_condition(int64_t deadline)
{
    need(plait_lock_acquire(&second, PLAIT_NEVER) == 0 || plait_is_canceled());
    int rc = plait_condition_wait_for(&condition, &second, told, &is_true, deadline);
    plait_lock_release(&second);
    return rc;
}

static void block_condition(void)
{
    is_true = false;
}

static void notify(void)
{
    plait_with (&second)
        is_true = true;
    plait_condition_notify_all(&condition);
}

/* ---- meeting */
static int meet(int64_t deadline)
{
    return plait_barrier_wait(&barrier, deadline);
}

static void block_barrier(void)
{
    need(plait_barrier_init(&barrier, 2, PLAIT_PRIVATE) == 0);
}

static void meet_too(void)
{
    need(plait_barrier_wait(&barrier, PLAIT_NEVER) >= 0);
}

static void reset_barrier(void)
{
    plait_barrier_reset(&barrier);
}

static void meet_alone(void)
{
    need(plait_barrier_init(&barrier, 1, PLAIT_PRIVATE) == 0);
}

static int hold_on(void *arg)
{
    return plait_event_wait(&go_on, PLAIT_NEVER);
}

static int run_slowly(void *arg)
{
    return plait_once_run(&once, hold_on, NULL, PLAIT_NEVER);
}

static int run_once(int64_t deadline)
{
    return plait_once_run(&once, hold_on, NULL, deadline);
}

static void start_helper(plait_function *function)
{
    plait_event_clear(&go_on);
    need(plait_start(&helper, PLAIT_THREAD, function, NULL, NULL) == 0);
    while (plait_task_state(helper) != PLAIT_WAITING)
        plait_yield();
}

static void block_once(void)
{
    plait_once_init(&once, PLAIT_PRIVATE);
    start_helper(run_slowly);
}

static void end_once(void)
{
    int status = -1;
    plait_event_set(&go_on);
    need(plait_join(helper, &status, PLAIT_NEVER) == 0 && status == 0);
    helper = NULL;
}

static int join_helper(int64_t deadline)
{
    return plait_join(helper, NULL, deadline);
}

static void block_join(void)
{
    start_helper(hold_on);
}

static void end_helper(void)
{
    plait_event_set(&go_on);
}

/* Another that has ended: the join gave the last one back. */
static void next_helper(void)
{
    need(plait_start(&helper, PLAIT_THREAD, hold_on, NULL, NULL) == 0);
    while (plait_is_alive(helper))
        plait_yield();
}

/* ---- queues */
static void make_empty(void)
{
    queue = plait_queue_open(sizeof(int), 1, NULL);
}

static void put_one(void)
{
    int item = 0;
    need(plait_put(queue, &item, PLAIT_NOW) == 0);
}

static void get_one(void)
{
    int item;
    need(plait_get(queue, &item, PLAIT_NOW) == 0);
}

static void make_full(void)
{
    make_empty();
    put_one();
}

static int get(int64_t deadline)
{
    int item;
    return plait_get(queue, &item, deadline);
}

static int get_many(int64_t deadline)
{
    int items[2];
    return (int)plait_get_many(queue, items, 2, deadline);
}

static int put(int64_t deadline)
{
    int item = 0;
    return plait_put(queue, &item, deadline);
}

static int put_many(int64_t deadline) /* of one: it waits until all are in */
{
    int items[1] = {0};
    return (int)plait_put_many(queue, items, 1, deadline);
}

static int reserve(int64_t deadline)
{
    void *place = plait_queue_reserve(queue, sizeof(int), deadline);
    if (!place)
        return -errno;
    plait_queue_give_up(queue, place);
    return 0;
}

static int take_in_place(int64_t deadline)
{
    size_t size;
    const void *place = plait_queue_take(queue, &size, deadline);
    if (!place)
        return -errno;
    plait_queue_release(queue, place);
    return 0;
}

static int join_queue(int64_t deadline)
{
    return plait_queue_join(queue, deadline);
}

static void make_undone(void)
{
    make_full();
    get_one();
}

static void task_done(void)
{
    plait_queue_task_done(queue);
}

static const struct row rows[] = {
    {"lock", take_lock, hold_lock, free_lock, free_lock, NULL, NULL},
    {"rlock", take_rlock, hold_rlock, free_rlock, free_rlock, NULL, NULL},
    {"lock set", take_both, hold_lock, free_lock, free_both, NULL, NULL},
    {"rwlock, read", take_read, hold_write, free_rwlock, free_rwlock, NULL, NULL},
    {"rwlock, write", take_write, hold_read, free_rwlock, free_rwlock, NULL, NULL},
    {"semaphore", take_unit, nothing, give_unit, give_unit, NULL, NULL},
    {"event, wait", wait_event, clear_event, set_event, nothing, NULL, NULL},
    {"event, take", take_event, clear_event, set_event, set_event, NULL, NULL},
    {"select", select_event, block_select, set_event, nothing, NULL, NULL},
    {"latch", wait_latch, raise_latch, lower_latch, nothing, NULL, NULL},
    {"condition", wait_condition, block_condition, notify, nothing, NULL, NULL},
    {"barrier", meet, block_barrier, meet_too, nothing, reset_barrier, meet_alone},
    {"once", run_once, block_once, end_once, nothing, NULL, NULL},
    {"join", join_helper, block_join, end_helper, next_helper, NULL, NULL},
    {"queue, get", get, make_empty, put_one, put_one, NULL, NULL},
    {"queue, get many", get_many, make_empty, put_one, put_one, NULL, NULL},
    {"queue, put", put, make_full, get_one, get_one, NULL, NULL},
    {"queue, put many", put_many, make_full, get_one, get_one, NULL, NULL},
    {"queue, reserve", reserve, make_full, get_one, nothing, NULL, NULL},
    {"queue, take", take_in_place, make_empty, put_one, put_one, NULL, NULL},
    {"queue, join", join_queue, make_undone, task_done, nothing, NULL, NULL},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static void finish(void)
{
    if (helper)
        ck_assert_int_eq(plait_join(helper, NULL, PLAIT_NEVER), 0);
    helper = NULL;
    plait_queue_free(queue);
    queue = NULL;
}

static void mend(const struct row *row)
{
    if (row->mend)
        row->mend();
}

/* Runs function(row) on the carrier. */
static void ask(const struct row *row, int carrier, plait_function *function)
{
    crew_run(carrier, 1, function, (void *)row);
}

/* ---- it would have to wait */

static int is_refused(void *arg)
{
    const struct row *row = arg;
    for (int i = 0; i < 10; i++)
        MUST(row, row->call(PLAIT_NOW) == -EAGAIN);
    MUST(row, row->call(plait_now() - 1) == -ETIMEDOUT);
    mend(row);
    MUST(row, row->call(plait_now()) == -ETIMEDOUT);
    mend(row);
    for (int64_t ahead = 1; ahead < 4 * PLAIT_MILLISECOND; ahead *= 16) {
        int64_t end = plait_after(ahead);
        MUST(row, row->call(end) == -ETIMEDOUT);
        MUST(row, plait_now() >= end);
        mend(row);
    }
    MUST(row, row->call(PLAIT_NOW) == -EAGAIN);
    return 0;
}

static void until_asleep(const struct crew *crew)
{
    while (plait_task_state(crew->task[0]) != PLAIT_WAITING)
        plait_yield();
}

static int is_canceled(void *arg)
{
    const struct row *row = arg;
    MUST(row, row->call(PLAIT_NEVER) == -ECANCELED);
    mend(row);
    MUST(row, row->call(plait_after(100 * PLAIT_MICROSECOND)) == -ETIMEDOUT); /* told once */
    mend(row);
    return 0;
}

/* A cancel that came before the call counts as well. */
static int was_canceled(void *arg)
{
    const struct row *row = arg;
    plait_cancel(plait_self());
    MUST(row, row->call(PLAIT_NOW) == -EAGAIN);
    MUST(row, row->call(PLAIT_NEVER) == -ECANCELED);
    mend(row);
    return 0;
}

static void block_and_cancel(const struct row *row, int carrier)
{
    struct crew crew = {.count = 0};
    crew_start(&crew, carrier, 1, is_canceled, (void *)row);
    until_asleep(&crew);
    plait_cancel(crew.task[0]);
    crew_join(&crew);
    ask(row, carrier, was_canceled);
}

/* ---- it is ready */

static int is_done_at_once(void *arg)
{
    const struct row *row = arg;
    for (int i = 0; i < 3; i++) {
        MUST(row, row->call(PLAIT_NOW) >= 0);
        row->again();
        MUST(row, row->call(plait_now() - 1) >= 0);
        row->again();
        MUST(row, row->call(PLAIT_NEVER) >= 0);
        row->again();
    }
    plait_cancel(plait_self());
    MUST(row, row->call(PLAIT_NEVER) >= 0); /* it has its result: the cancel stays */
    MUST(row, plait_sleep(PLAIT_NEVER) == -ECANCELED);
    row->again();
    return 0;
}

/* ---- from one to the other */

static bool opened;

static int is_done_when_opened(void *arg)
{
    const struct row *row = arg;
    MUST(row, row->call(PLAIT_NEVER) >= 0);
    MUST(row, __atomic_load_n(&opened, __ATOMIC_RELAXED));
    row->again();
    return 0;
}

static void open_while_asked(const struct row *row, int carrier)
{
    struct crew crew = {.count = 0};
    __atomic_store_n(&opened, false, __ATOMIC_RELAXED);
    crew_start(&crew, carrier, 1, is_done_when_opened, (void *)row);
    until_asleep(&crew);
    ck_assert_int_eq(plait_sleep(plait_after(PLAIT_MILLISECOND)), 0);
    __atomic_store_n(&opened, true, __ATOMIC_RELAXED);
    row->open();
    crew_join(&crew);
}

TEST_LIGHT(each_call_tries_waits_for_a_time_or_until_done)
{
    for (const struct row *row = rows; row < rows + ROWS; row++) {
        printf("%s\n", row->name);
        row->block();
        ask(row, carrier, is_refused);
        ask(row, 0, is_refused); /* a plain pthread */
        block_and_cancel(row, carrier);
        open_while_asked(row, carrier);
        if (row->ready)
            row->ready();
        ask(row, carrier, is_done_at_once);
        finish();
    }
}

/* ---- a duration where a deadline belongs */

static void call_with_a_duration(void *arg)
{
    const struct row *row = arg;
    row->block();
    row->call(5 * PLAIT_SECOND);
}

static void call_ready_with_a_duration(void *arg)
{
    const struct row *row = arg;
    if (row->call == meet) {
        meet_alone();
    } else {
        row->block();
        row->open();
    }
    row->call(-1);
}

TEST_LABELED(each_call_tells_a_duration_and_its_place, "process")
{
    for (const struct row *row = rows; row < rows + ROWS; row++) {
        printf("%s\n", row->name);
        harness_dies(call_with_a_duration, (void *)row,
                     "a duration where a deadline belongs; write plait_after(...) (at ");
        harness_dies(call_ready_with_a_duration, (void *)row, "(test_deadlines+");
    }
}
