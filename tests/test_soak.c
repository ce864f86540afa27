/* The process world under random deaths: processes of threads and coroutines use every shared
 * object at once, one of them is SIGKILLed every few milliseconds and replaced. Nothing may be
 * lost, nothing come twice but what is announced, nobody may get stuck, and at the end nothing may
 * have grown. */
#include "crew.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PROCESSES = 4,
    THREADS = 2,
    COROUTINES = 100,
    KEYS = 64,
    IDS = 1 << 20,
    CELLS = 16,
    UNITS = 8
};
#define STUCK                                                                                      \
    (30 * PLAIT_SECOND) /* a wait of so long is one for ever, however busy the machine is */

/* What both halves must always agree on. */
struct pair {
    long first, second;
};
struct wide {
    long words[8]; /* all the same */
};

static struct soak {
    plait_lock lock;
    plait_rlock rlock;
    plait_rwlock rwlock;
    plait_semaphore semaphore;
    plait_event event, stop;
    plait_condition condition;
    plait_once once;
    plait_value next, adds;
    struct pair locked, relocked, written;
    long made; /* by the once */
    unsigned seed;
    unsigned char put[IDS], seen[IDS]; /* by number of the message */
} * soak;
static plait_queue *queue;
static plait_dict *dict;
static plait_array *array;
static plait_pipe *pipe_ends[2];
static plait_permits *permits;

/* Fails at once and loudly: what is stuck or torn is not retried. */
static bool has(int rc)
{
    need(rc == 0 || rc == -EOWNERDEAD);
    return rc == 0;
}

static void change(struct pair *pair, bool whole)
{
    if (whole)
        need(pair->first == pair->second);
    pair->first++;
    plait_yield();
    pair->second = pair->first;
}

/* ---- what the tasks do */

static void use_lock(unsigned *random)
{
    bool whole = has(plait_lock_acquire(&soak->lock, plait_after(STUCK)));
    change(&soak->locked, whole);
    if (!whole)
        plait_lock_mend(&soak->lock);
    plait_lock_release(&soak->lock);
}

static void use_rlock(unsigned *random)
{
    bool whole = has(plait_rlock_acquire(&soak->rlock, plait_after(STUCK)));
    need(plait_rlock_acquire(&soak->rlock, plait_after(STUCK)) == 0);
    change(&soak->relocked, whole);
    if (!whole)
        plait_lock_mend(&soak->rlock.lock);
    plait_rlock_release(&soak->rlock);
    plait_rlock_release(&soak->rlock);
}

static void use_rwlock(unsigned *random)
{
    bool writes = crew_random(random) % 4 == 0;
    bool whole = has(writes ? plait_rwlock_acquire_write(&soak->rwlock, plait_after(STUCK))
                            : plait_rwlock_acquire_read(&soak->rwlock, plait_after(STUCK)));
    if (writes || !whole)
        change(&soak->written, whole);
    else
        need(soak->written.first == soak->written.second);
    if (!whole)
        plait_rwlock_mend(&soak->rwlock);
    plait_rwlock_release(&soak->rwlock);
}

/* Units that die with their holder are gone: so they are only ever tried. */
static void use_semaphore(unsigned *random)
{
    int rc = plait_semaphore_acquire(&soak->semaphore, 1, plait_after(PLAIT_MILLISECOND));
    need(rc == 0 || rc == -ETIMEDOUT);
    if (rc == 0)
        plait_semaphore_release(&soak->semaphore, 1);
}

static void use_permits(unsigned *random)
{
    int units = 1 + (int)(crew_random(random) % 3);
    need(plait_permits_acquire(permits, units, plait_after(STUCK)) == 0);
    plait_yield();
    plait_permits_release(permits, units);
}

static void use_event(unsigned *random)
{
    if (crew_random(random) % 2) {
        plait_event_set(&soak->event);
        return;
    }
    int rc = plait_event_take(&soak->event, plait_after(PLAIT_MILLISECOND));
    need(rc == 0 || rc == -ETIMEDOUT);
}

static void use_condition(unsigned *random)
{
    if (crew_random(random) % 2) {
        plait_condition_notify(&soak->condition, 2);
        return;
    }
    bool whole = has(plait_lock_acquire(&soak->lock, plait_after(STUCK)));
    change(&soak->locked, whole);
    if (!whole)
        plait_lock_mend(&soak->lock);
    int rc = plait_condition_wait(&soak->condition, &soak->lock, plait_after(PLAIT_MILLISECOND));
    need(rc == 0 || rc == -ETIMEDOUT || rc == -EOWNERDEAD);
    change(&soak->locked, rc != -EOWNERDEAD);
    if (rc == -EOWNERDEAD)
        plait_lock_mend(&soak->lock);
    plait_lock_release(&soak->lock);
}

static int make(void *arg)
{
    plait_yield();
    __atomic_store_n(&soak->made, 1, __ATOMIC_RELAXED);
    return 0;
}

static void use_once(unsigned *random)
{
    need(plait_once_run(&soak->once, make, NULL, plait_after(STUCK)) == 0);
    need(__atomic_load_n(&soak->made, __ATOMIC_RELAXED) == 1);
}

static void use_value(unsigned *random)
{
    need(plait_value_add(&soak->adds, 1) > 0);
}

/* A number goes in once. `put` is set behind the put, so what has it is in, or was. */
static void use_queue(unsigned *random)
{
    long id;
    if (crew_random(random) % 2) {
        id = plait_value_add(&soak->next, 1);
        if (id >= IDS || plait_put(queue, &id, plait_after(PLAIT_MILLISECOND)) != 0)
            return;
        __atomic_store_n(&soak->put[id], 1, __ATOMIC_RELAXED);
        return;
    }
    int rc = plait_get(queue, &id, plait_after(PLAIT_MILLISECOND));
    need(rc == 0 || rc == -ETIMEDOUT);
    if (rc == 0) {
        need(id > 0 && id < IDS);
        __atomic_add_fetch(&soak->seen[id], 1, __ATOMIC_RELAXED);
        plait_queue_task_done(queue);
    }
}

static const char *key_of(unsigned number, char *text)
{
    snprintf(text, 16, "key-%u", number % KEYS);
    return text;
}

static void use_dict(unsigned *random)
{
    char key[16];
    unsigned number = crew_random(random);
    struct wide value;
    key_of(number, key);
    if (number / KEYS % 4 == 0) {
        int rc = plait_dict_delete(dict, key);
        need(rc == 0 || rc == -ENOENT);
    } else if (number / KEYS % 4 == 1) {
        for (int i = 0; i < 8; i++)
            value.words[i] = (long)number;
        need(plait_dict_set(dict, key, &value) == 0);
    } else if (plait_dict_get(dict, key, &value) == 0) {
        for (int i = 0; i < 8; i++)
            need(value.words[i] == value.words[0] &&
                 (unsigned)value.words[0] % KEYS == number % KEYS);
    }
}

static void use_array(unsigned *random)
{
    unsigned number = crew_random(random);
    struct wide value;
    if (number % 2) {
        for (int i = 0; i < 8; i++)
            value.words[i] = (long)number;
        need(plait_array_set(array, number / 2 % CELLS, &value) == 0);
    } else {
        need(plait_array_get(array, number / 2 % CELLS, &value) == 0);
        for (int i = 0; i < 8; i++)
            need(value.words[i] == value.words[0]);
    }
}

/* A message tells its own length and what is in it. */
static void use_pipe(unsigned *random)
{
    unsigned char text[200];
    unsigned number = crew_random(random);
    if (number % 2) {
        size_t size = 1 + number / 2 % (sizeof text - 1);
        memset(text, (int)size, size);
        int rc = plait_pipe_send_bytes(pipe_ends[number / 512 % 2], text, size,
                                       plait_after(PLAIT_MILLISECOND));
        need(rc == 0 || rc == -ETIMEDOUT);
        return;
    }
    ssize_t size = plait_pipe_receive_bytes(pipe_ends[number / 512 % 2], text, sizeof text,
                                            plait_after(PLAIT_MILLISECOND));
    need(size > 0 || size == -ETIMEDOUT);
    for (ssize_t i = 0; i < size; i++)
        need(text[i] == size);
}

static void (*const uses[])(unsigned *random) = {
    use_lock, use_rlock, use_rwlock, use_semaphore, use_permits, use_event, use_condition,
    use_once, use_value, use_queue,  use_dict,      use_array,   use_pipe,
};
enum { USES = sizeof uses / sizeof *uses };

static int work(void *arg)
{
    unsigned random = __atomic_add_fetch(&soak->seed, 7919, __ATOMIC_RELAXED);
    while (!plait_event_is_set(&soak->stop))
        uses[crew_random(&random) % USES](&random);
    return 0;
}

static int live(void *arg)
{
    for (int i = 0; i < THREADS; i++)
        need(plait_start(NULL, PLAIT_THREAD, work, NULL, NULL) == 0);
    for (int i = 0; i < COROUTINES; i++)
        need(plait_start(NULL, PLAIT_COROUTINE, work, NULL, NULL) == 0);
    return plait_join_all(PLAIT_NEVER);
}

/* ---- the supervisor */

static void open_all(void)
{
    ck_assert_ptr_nonnull(soak = plait_share(sizeof *soak));
    plait_lock_init(&soak->lock, PLAIT_SHARED);
    plait_rlock_init(&soak->rlock, PLAIT_SHARED);
    plait_rwlock_init(&soak->rwlock, PLAIT_SHARED);
    plait_semaphore_init(&soak->semaphore, 1000, 0, PLAIT_SHARED);
    plait_event_init(&soak->event, PLAIT_SHARED);
    plait_event_init(&soak->stop, PLAIT_SHARED);
    plait_condition_init(&soak->condition, PLAIT_SHARED);
    plait_once_init(&soak->once, PLAIT_SHARED);
    plait_value_init(&soak->next, PLAIT_SHARED);
    plait_value_init(&soak->adds, PLAIT_SHARED);
    soak->seed = 1;
    queue = plait_queue_open(sizeof(long), 64,
                             &(plait_queue_options){.where = PLAIT_SHARED, .redeliver = true});
    dict = plait_dict_open(sizeof(struct wide), &(plait_dict_options){.where = PLAIT_SHARED});
    array =
        plait_array_open(sizeof(struct wide), CELLS, &(plait_array_options){.where = PLAIT_SHARED});
    permits = plait_permits_open(UNITS, &(plait_permits_options){.where = PLAIT_SHARED});
    ck_assert(queue && dict && array && permits);
    ck_assert_int_eq(
        plait_pipe_open(pipe_ends, &(plait_pipe_options){.where = PLAIT_SHARED, .bytes = 4096}), 0);
}

static void close_all(void)
{
    plait_pipe_free(pipe_ends[0]);
    plait_pipe_free(pipe_ends[1]);
    plait_permits_free(permits);
    plait_array_free(array);
    plait_dict_free(dict);
    plait_queue_free(queue);
    plait_share_free(soak);
}

static void kill_and_replace(plait_task **task)
{
    int status;
    ck_assert_int_eq(plait_kill(*task), 0);
    ck_assert_int_eq(plait_join(*task, &status, plait_after(STUCK)), 0);
    ck_assert_msg(status == PLAIT_KILLED(SIGKILL), "it ended by itself: %d", status);
    ck_assert_int_eq(plait_start(task, PLAIT_PROCESS, live, NULL, NULL), 0);
}

/* What is left comes out, and so does what killed ones had not done. */
static void drain(void)
{
    long id;
    while (plait_get(queue, &id, plait_after(100 * PLAIT_MILLISECOND)) == 0) {
        soak->seen[id]++;
        plait_queue_task_done(queue);
    }
    ck_assert_int_eq(plait_queue_join(queue, plait_after(STUCK)), 0);
}

/* Twice: a taker that was killed between marking a number and task_done. */
static void check_numbers(int kills)
{
    long lost = 0, twice = 0, last = plait_value_get(&soak->next);
    for (long id = 1; id <= last && id < IDS; id++) {
        lost += soak->put[id] && !soak->seen[id];
        twice += soak->seen[id] > 1;
    }
    ck_assert_int_eq(lost, 0);
    ck_assert_msg(twice <= (long)kills * (THREADS + COROUTINES), "%ld came twice", twice);
    ck_assert_int_gt(last, 0);
}

static int see_entry(const void *key, size_t key_size, const void *value, size_t size, void *arg)
{
    const struct wide *wide = value;
    char text[16];
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(wide->words[i], wide->words[0]);
    ck_assert(strncmp(key_of((unsigned)wide->words[0], text), key, key_size) == 0);
    ++*(size_t *)arg;
    return 0;
}

/* As after a quiet life: all is free, whole and works. */
static void check_objects(void)
{
    unsigned random = 5;
    size_t entries = 0;
    for (int round = 0; round < 20; round++)
        for (int i = 0; i < USES; i++)
            uses[i](&random);
    ck_assert_int_eq(plait_permits_acquire(permits, UNITS, plait_after(STUCK)), 0);
    plait_permits_release(permits, UNITS);
    ck_assert_int_eq(plait_dict_visit(dict, see_entry, &entries), 0);
    ck_assert_uint_eq(entries, plait_dict_count(dict));
    ck_assert_uint_le(entries, KEYS);
}

/* KB of address space: what is not given back shows here first. */
static long mapped(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%ld", &pages), 1);
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void soak_for(int kills)
{
    plait_task *tasks[PROCESSES];
    unsigned random = 3;
    long memory = 0;
    open_all();
    for (int i = 0; i < PROCESSES; i++)
        ck_assert_int_eq(plait_start(&tasks[i], PLAIT_PROCESS, live, NULL, NULL), 0);
    int open = harness_descriptors();
    for (int i = 0; i < kills; i++) {
        ck_assert_int_eq(plait_sleep(plait_after(5 * PLAIT_MILLISECOND)), 0);
        kill_and_replace(&tasks[crew_random(&random) % PROCESSES]);
        if (i == kills / 2)
            memory = mapped();
    }
    ck_assert_int_le(harness_descriptors(), open);
    ck_assert_int_le(mapped(), memory + 1024);
    plait_event_set(&soak->stop);
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        ck_assert_int_eq(plait_join(tasks[i], &status, plait_after(STUCK)), 0);
        ck_assert_int_eq(status, 0);
    }
    drain();
    check_numbers(kills);
    check_objects();
    close_all();
}

TEST_LABELED(two_hundred_deaths_lose_nothing, "process noasan")
{
    soak_for(200);
}

TEST_LABELED(ten_thousand_deaths_lose_nothing, "process noasan long")
{
    alarm(1200);
    soak_for(10000);
}
