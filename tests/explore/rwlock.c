/* The reader-writer lock: nobody beside a writer, nobody asleep for ever, no count or mark left
 * behind, and who comes in may free it. */
#include "explorer.h"
#include "sync/held.h"
#include "sync/readers.h"
#include "wait/lot.h"

#include <plait/rwlock.h>
#include <plait/time.h>

#include <errno.h>

enum { WHILE = 2000000, BOTH_COLUMNS = 3 };

/* Tasks 0 and 2 share a CPU; who reads something already has moved to the other one meanwhile. */
unsigned os_cpu_hint(void)
{
    const struct task_record *me = (const struct task_record *)wait_current;
    return (me->slot + me->reads.count) % 2;
}

uint64_t task_read_columns;

/* Deaths and deadlocks are not explored. */
uint32_t slot_limit(void)
{
    return 0;
}

struct task_slot *slot_at(uint32_t number)
{
    return NULL;
}

void held_settle(plait_lock *gate, int rc, const char *type, void *place)
{
    explore_fail("held_settle is called");
}

void plait_lock_on_death(plait_lock *gate, void (*repair)(void *arg), void *arg)
{
    explore_fail("plait_lock_on_death is called");
}

static plait_rwlock lock;
static int readers, writers, left, result[EXPLORE_TASKS];

static void setup_columns(uint64_t columns)
{
    lot_reset();
    lock = (plait_rwlock){0};
    task_read_columns = columns;
    for (int column = 0; column < 2; column++)
        readers_table[column][readers_row(&lock)].both = 0;
    readers = writers = 0;
    left = 2;
    for (int i = 0; i < EXPLORE_TASKS; i++)
        result[i] = 1;
}

static void setup(void)
{
    setup_columns(BOTH_COLUMNS);
}

/* Nobody has read on any CPU so far. */
static void setup_first(void)
{
    setup_columns(0);
}

/* Another lock's reader has the entry of tasks 0 and 2, so that they count inside the lock. */
static void setup_taken(void)
{
    setup();
    readers_table[0][readers_row(&lock)].both = readers_id(&left) | READERS_ONE;
}

/* Task 1 writes already: the bit LOCKED and its number, as src/sync/lock.c has them. */
static void setup_written(void)
{
    setup();
    lock.own[1] = 1 | UINT64_C(2) << 32;
    writers = 1;
}

static void look(void)
{
    explore_point(&readers);
    EXPLORE_CHECK(writers == 0 || (writers == 1 && readers == 0));
}

static bool reads(int task, int64_t deadline)
{
    result[task] = plait_rwlock_acquire_read(&lock, deadline);
    if (result[task] != 0)
        return false;
    readers++;
    look();
    return true;
}

static void stops_reading(void)
{
    look();
    readers--;
    plait_rwlock_release(&lock);
}

static bool writes(int task, int64_t deadline)
{
    result[task] = plait_rwlock_acquire_write(&lock, deadline);
    if (result[task] != 0)
        return false;
    writers++;
    look();
    return true;
}

static void stops_writing(void)
{
    look();
    writers--;
    plait_rwlock_release(&lock);
}

/* Each task's number is its place in the case. */
#define READER(name, task, deadline)                                                               \
    static void name(void)                                                                         \
    {                                                                                              \
        if (reads(task, deadline))                                                                 \
            stops_reading();                                                                       \
    }
#define WRITER(name, task, deadline)                                                               \
    static void name(void)                                                                         \
    {                                                                                              \
        if (writes(task, deadline))                                                                \
            stops_writing();                                                                       \
    }
READER(read_0, 0, PLAIT_NEVER)
READER(read_2, 2, PLAIT_NEVER)
READER(read_2_a_while, 2, WHILE)
READER(try_2, 2, PLAIT_NOW)
WRITER(write_1, 1, PLAIT_NEVER)
WRITER(write_1_a_while, 1, WHILE)
WRITER(write_2, 2, PLAIT_NEVER)
WRITER(try_write_2, 2, PLAIT_NOW)

static void stop_writing_1(void)
{
    stops_writing();
}

static void read_0_twice(void)
{
    read_0();
    read_0();
}

static void write_1_twice(void)
{
    write_1();
    write_1();
}

static void try_twice_2(void)
{
    try_2();
    try_write_2();
}

/* Once more while it reads, on another CPU, and the first hold goes first. */
static void read_0_again(void)
{
    if (!reads(0, PLAIT_NEVER))
        return;
    EXPLORE_CHECK(plait_rwlock_acquire_read(&lock, PLAIT_NEVER) == 0);
    look();
    struct task_reads *mine = &((struct task_record *)wait_current)->reads;
    union readers_entry *newest = mine->entry[1];
    mine->entry[1] = mine->entry[0]; /* which of the two goes first must not matter */
    mine->entry[0] = newest;
    plait_rwlock_release(&lock);
    stops_reading();
}

static void downgrade_1(void)
{
    if (!writes(1, PLAIT_NEVER))
        return;
    int before = left--; /* writers after this one see another number */
    writers--, readers++;
    plait_rwlock_downgrade(&lock);
    look();
    EXPLORE_CHECK(left == before - 1);
    stops_reading();
}

static void count_2(void)
{
    if (!writes(2, PLAIT_NEVER))
        return;
    left += 10;
    stops_writing();
}

/* ---- the last one frees it */
static void free_last(bool last)
{
    if (last)
        explore_gone(&lock, sizeof lock);
}

static void read_0_then_free(void)
{
    if (!reads(0, PLAIT_NEVER))
        return;
    bool last = --left == 0;
    stops_reading();
    free_last(last);
}

static void write_1_then_free(void)
{
    if (!writes(1, PLAIT_NEVER))
        return;
    bool last = --left == 0;
    stops_writing();
    free_last(last);
}

static void check_freed(void)
{
    EXPLORE_CHECK(result[0] == 0 && result[1] == 0 && left == 0);
}

static void cancels_1(void)
{
    wait_cancel(explore_self(1));
    read_2();
}

/* ---- after an execution: free, and nothing left of those who were there */
static void check_free(void)
{
    uint64_t other = readers_id(&left) | READERS_ONE;
    for (int column = 0; column < 2; column++) {
        uint64_t both = readers_table[column][readers_row(&lock)].both;
        EXPLORE_CHECK(both == 0 || both == other);
    }
    EXPLORE_CHECK((uint32_t)lock.own[8] == 0);
    for (int i = 0; i < 3; i++)
        EXPLORE_CHECK(((struct task_record *)explore_self(i))->reads.count == 0);
    wait_current = explore_self(0);
    EXPLORE_CHECK(plait_rwlock_acquire_write(&lock, PLAIT_NOW) == 0);
}

static void check_all(void)
{
    EXPLORE_CHECK(result[0] == 0);
    for (int i = 1; i < 3; i++)
        EXPLORE_CHECK(result[i] == 0 || result[i] == 1);
    check_free();
}

static void check_tried(void)
{
    EXPLORE_CHECK(result[0] == 0 && (result[2] == 0 || result[2] == -EAGAIN));
    check_free();
}

static void check_deadlines(void)
{
    EXPLORE_CHECK(result[0] == 0);
    for (int i = 1; i < 3; i++)
        EXPLORE_CHECK(result[i] == 0 || result[i] == 1 || result[i] == -ETIMEDOUT);
    check_free();
}

static void check_canceled(void)
{
    EXPLORE_CHECK(result[0] == 0 && result[2] == 0);
    EXPLORE_CHECK(result[1] == 0 || result[1] == -ECANCELED);
    check_free();
}

#define BOTH(what, prepare, checks, bound, ...)                                                    \
    {what ", threads", prepare, {__VA_ARGS__}, {false, false, false}, checks, bound},              \
    {                                                                                              \
        what ", mixed", prepare, {__VA_ARGS__}, {true, false, true}, checks, bound                 \
    }

static const struct explore_case cases[] = {
    BOTH("two, twice each", setup, check_all, 3, read_0_twice, write_1_twice),
    BOTH("the first of their CPUs", setup_first, check_all, 3, read_0_twice, write_1),
    BOTH("two readers and a writer", setup, check_all, 2, read_0, write_1, read_2),
    BOTH("two readers and a writer, an entry taken", setup_taken, check_all, 2, read_0, write_1,
         read_2),
    BOTH("a reader and two writers", setup, check_all, 2, read_0, write_1, write_2),
    BOTH("a reader and a writer behind a writer", setup_written, check_all, 2, read_0,
         stop_writing_1, write_2),
    BOTH("one tries", setup, check_tried, 2, read_0, write_1, try_twice_2),
    BOTH("a writer for a while", setup, check_deadlines, 2, read_0, write_1_a_while, read_2),
    BOTH("a reader for a while", setup, check_deadlines, 2, read_0, write_1, read_2_a_while),
    BOTH("one reads again", setup, check_all, 3, read_0_again, write_1),
    BOTH("one reads again, an entry taken", setup_taken, check_all, 3, read_0_again, write_1),
    BOTH("one goes on reading", setup, check_all, 2, read_0, downgrade_1, count_2),
    BOTH("the last one frees it", setup, check_freed, 3, read_0_then_free, write_1_then_free),
    BOTH("the last one frees it, an entry taken", setup_taken, check_freed, 3, read_0_then_free,
         write_1_then_free),
    BOTH("the writer is cancelled", setup, check_canceled, 2, read_0, write_1, cancels_1),
};

EXPLORE_MAIN(cases)
