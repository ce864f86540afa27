/* The five failures of Python's processes that the notes run into (queues, locks, daemons), as
 * sharp as they can be put. Where Python waits for ever, an answer comes; how fast, is no test's
 * business. */
#include "children.h"

#include <poll.h>
#include <string.h>

static const plait_carrier carriers[] = {PLAIT_PROCESS, PLAIT_THREAD, PLAIT_COROUTINE};
static struct common {
    plait_lock lock;
    plait_semaphore told;
    int half;
} * common;

static void open_common(void)
{
    common = plait_share(sizeof *common);
    ck_assert_ptr_nonnull(common);
    plait_lock_init(&common->lock, PLAIT_SHARED);
    plait_semaphore_init(&common->told, 0, 0, PLAIT_SHARED);
}

static plait_queue *open_queue(size_t element, size_t capacity)
{
    plait_queue *queue =
        plait_queue_open(element, capacity, &(plait_queue_options){.where = PLAIT_SHARED});
    ck_assert_ptr_nonnull(queue);
    return queue;
}

static int64_t soon(void)
{
    return plait_after(10 * PLAIT_SECOND);
}

static void kill_task(plait_task *task)
{
    int status;
    ck_assert_int_eq(plait_kill(task), 0);
    ck_assert_int_eq(plait_join(task, &status, soon()), 0);
    ck_assert_int_eq(plait_killed_by(status), SIGKILL);
}

/* ---- a reader killed in get */

static int get_for_ever(void *queue)
{
    int item;
    plait_semaphore_release(&common->told, 1);
    return plait_get((plait_queue *)queue, &item, PLAIT_NEVER);
}

static int get_one(void *queue)
{
    int item = -1;
    plait_semaphore_release(&common->told, 1);
    int rc = plait_get((plait_queue *)queue, &item, soon());
    return rc == 0 ? item : rc;
}

/* The one that dies was first in the queue of sleepers, the other one slept behind it: it gets the
 * item all the same. */
TEST_LABELED(a_reader_that_dies_in_get_is_passed_by, "process")
{
    open_common();
    plait_queue *queue = open_queue(sizeof(int), 4);
    for (int round = 1; round <= 24; round++) {
        plait_task *first, *second;
        int status = -1;
        ck_assert_int_eq(plait_start(&first, PLAIT_PROCESS, get_for_ever, queue, NULL), 0);
        ck_assert_int_eq(plait_semaphore_acquire(&common->told, 1, soon()), 0);
        ck_assert_int_eq(plait_start(&second, carriers[round % 3], get_one, queue, NULL), 0);
        ck_assert_int_eq(plait_semaphore_acquire(&common->told, 1, soon()), 0);
        plait_sleep(plait_after(round % 4 * PLAIT_MILLISECOND));
        kill_task(first);
        ck_assert_int_eq(plait_put(queue, &round, soon()), 0);
        ck_assert_int_eq(plait_join(second, &status, PLAIT_NEVER), 0);
        ck_assert_int_eq(status, round);
    }
    plait_queue_free(queue);
    plait_share_free(common);
}

/* ---- a killed owner of a lock */

static int die_inside(void *unused)
{
    if (plait_lock_acquire(&common->lock, PLAIT_NEVER) != 0)
        return 1;
    common->half = 1; /* and the other half is never done */
    plait_semaphore_release(&common->told, 1);
    return plait_sleep(PLAIT_NEVER);
}

static void mend(void *unused)
{
    common->half = 0;
}

static int enter(void *unused)
{
    int half = -1;
    plait_with (&common->lock)
        half = common->half;
    return half;
}

/* Known to who sleeps already and to who comes later; and the block repairs what the dead left half
 * done. */
TEST_LABELED(a_lock_whose_owner_was_killed_is_repaired, "process")
{
    open_common();
    plait_lock_on_death(&common->lock, mend, NULL);
    for (int round = 0; round < 24; round++) {
        plait_task *owner, *waiter;
        int status = -1;
        ck_assert_int_eq(plait_start(&owner, PLAIT_PROCESS, die_inside, NULL, NULL), 0);
        ck_assert_int_eq(plait_semaphore_acquire(&common->told, 1, soon()), 0);
        ck_assert_int_eq(plait_lock_acquire(&common->lock, PLAIT_NOW), -EAGAIN);
        if (round % 2)
            kill_task(owner);
        ck_assert_int_eq(plait_start(&waiter, carriers[round % 3], enter, NULL, NULL), 0);
        plait_sleep(plait_after(round % 4 * PLAIT_MILLISECOND));
        if (round % 2 == 0)
            kill_task(owner);
        ck_assert_int_eq(plait_join(waiter, &status, soon()), 0);
        ck_assert_int_eq(status, 0);
        ck_assert_int_eq(plait_lock_acquire(&common->lock, PLAIT_NOW), 0);
        plait_lock_release(&common->lock);
    }
    plait_share_free(common);
}

TEST_LABELED(a_deadline_does_not_hide_a_dead_owner, "process")
{
    open_common();
    plait_task *owner;
    ck_assert_int_eq(plait_start(&owner, PLAIT_PROCESS, die_inside, NULL, NULL), 0);
    ck_assert_int_eq(plait_semaphore_acquire(&common->told, 1, soon()), 0);
    kill_task(owner);
    ck_assert_int_eq(plait_lock_acquire(&common->lock, soon()), -EOWNERDEAD);
    plait_lock_mend(&common->lock);
    plait_lock_release(&common->lock);
    ck_assert_int_eq(plait_lock_acquire(&common->lock, soon()), 0);
    plait_lock_release(&common->lock);
    plait_share_free(common);
}

/* ---- put, then get at once */

static int put_and_tell(void *queue)
{
    for (int i = 0; i < 200; i++) {
        if (plait_put((plait_queue *)queue, &i, PLAIT_NEVER) != 0)
            return 1;
        plait_semaphore_release(&common->told, 1);
    }
    return 0;
}

/* Whoever learns by any way that something was put, can get it: 200 of 200. */
TEST_CARRIERS(what_was_put_can_be_got_at_once)
{
    open_common();
    plait_queue *queue = open_queue(sizeof(int), 4);
    plait_task *putter;
    int item, at_once = 0, status = -1;
    ck_assert_int_eq(plait_start(&putter, carrier, put_and_tell, queue, NULL), 0);
    for (int i = 0; i < 200; i++) {
        ck_assert_int_eq(plait_semaphore_acquire(&common->told, 1, soon()), 0);
        at_once += plait_get(queue, &item, PLAIT_NOW) == 0 && item == i;
    }
    ck_assert_int_eq(at_once, 200);
    ck_assert_int_eq(plait_join(putter, &status, soon()), 0);
    ck_assert_int_eq(status, 0);
    plait_queue_free(queue);
    plait_share_free(common);
}

/* ---- joined before its items are taken */

enum { MUCH = 300000 };

static int put_much(void *queue)
{
    static char item[MUCH];
    memset(item, 'x', sizeof item);
    return plait_put_bytes((plait_queue *)queue, item, sizeof item, PLAIT_NEVER);
}

TEST_CARRIERS(a_putter_can_be_joined_before_its_items_are_taken)
{
    static char item[MUCH];
    plait_queue *queue = open_queue(PLAIT_MESSAGES, 1);
    plait_task *putter;
    int status = -1;
    ck_assert_int_eq(plait_start(&putter, carrier, put_much, queue, NULL), 0);
    ck_assert_int_eq(plait_join(putter, &status, soon()), 0);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(plait_get_bytes(queue, item, sizeof item, PLAIT_NOW), MUCH);
    ck_assert(item[0] == 'x' && memcmp(item, item + 1, MUCH - 1) == 0);
    plait_queue_free(queue);
}

/* ---- daemons whose parent was killed */

static int ends[2];

static int stay(void *unused)
{
    return write(ends[1], "s", 1) == 1 ? plait_sleep(PLAIT_NEVER) : 1;
}

/* A daemon, which has one of its own, and one that ignores what can be ignored. */
static int stay_with_daemons(void *depth)
{
    plait_start_options daemon = {.daemon = true};
    signal(SIGTERM, SIG_IGN);
    if (depth != NULL)
        return stay(NULL);
    if (plait_start(NULL, PLAIT_PROCESS, stay_with_daemons, (void *)1L, &daemon) != 0)
        return 1;
    return stay(NULL);
}

static int start_daemons(void *unused)
{
    plait_start_options daemon = {.daemon = true};
    for (int i = 0; i < 4; i++)
        if (plait_start(NULL, PLAIT_PROCESS, stay_with_daemons, NULL, &daemon) != 0)
            return 1;
    return plait_sleep(PLAIT_NEVER);
}

/* The pipe's end is seen when the last of the nine is gone. */
TEST_LABELED(daemons_die_with_a_killed_parent, "process")
{
    char byte;
    ck_assert_int_eq(pipe(ends), 0);
    struct pollfd end = {.fd = ends[0], .events = POLLIN};
    plait_task *parent;
    ck_assert_int_eq(plait_start(&parent, PLAIT_PROCESS, start_daemons, NULL, NULL), 0);
    ck_assert_int_eq(close(ends[1]), 0);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(read(ends[0], &byte, 1), 1);
    ck_assert_int_eq(poll(&end, 1, 0), 0);
    kill_task(parent);
    ck_assert_int_eq(poll(&end, 1, 10000), 1);
    ck_assert_int_eq(read(ends[0], &byte, 1), 0);
    close(ends[0]);
}
