/* The dictionary and the array between processes: kills at random, unrelated processes by name, and
 * memory that a hostile peer has written over. Kills at each single instruction are
 * tests/kill's. */
#include "crew.h"
#include "dict/array.h"
#include "dict_verify.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KEYS = 200, TASKS = 4, CHILDREN = 3, VALUE_MOST = 900 };

/* What the children write down of their additions: begun >= in the dictionary >= ended. */
static struct tally {
    long begun[KEYS], ended[KEYS];
    int go;
} * tally;
static plait_dict *numbers, *texts;
static plait_array *array;

static void paint(unsigned char *bytes, size_t size, unsigned key)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(key * 31 + size * 7 + i);
}

static bool is_painted(const unsigned char *bytes, size_t size, unsigned key)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != (unsigned char)(key * 31 + size * 7 + i))
            return false;
    return true;
}

static int enlarge(void *value, bool is_new, void *arg)
{
    ++*(long *)value;
    return 0;
}

static void count_up(unsigned key, unsigned how)
{
    __atomic_add_fetch(&tally->begun[key], 1, __ATOMIC_SEQ_CST);
    if (how % 2)
        need(plait_dict_add_bytes(numbers, &key, sizeof key, 1, NULL, 0) == 0);
    else
        need(plait_dict_update_bytes(numbers, &key, sizeof key, enlarge, NULL) == 0);
    __atomic_add_fetch(&tally->ended[key], 1, __ATOMIC_SEQ_CST);
}

static void use_texts(unsigned *random)
{
    unsigned char bytes[VALUE_MOST];
    unsigned key = crew_random(random) % KEYS;
    ssize_t size = plait_dict_get_bytes(texts, &key, sizeof key, bytes, sizeof bytes);
    need(size == -ENOENT || (size >= 0 && is_painted(bytes, (size_t)size, key)));
    key = crew_random(random) % KEYS;
    size = (ssize_t)(crew_random(random) % VALUE_MOST);
    paint(bytes, (size_t)size, key);
    need(plait_dict_set_bytes(texts, &key, sizeof key, bytes, (size_t)size) == 0);
    key = crew_random(random) % KEYS;
    int rc = plait_dict_delete_bytes(texts, &key, sizeof key);
    need(rc == 0 || rc == -ENOENT);
}

static void use_array(unsigned *random)
{
    unsigned char bytes[100];
    need(plait_array_get_bytes(array, crew_random(random) % 20, bytes, sizeof bytes) == 0);
    for (size_t i = 1; i < sizeof bytes; i++)
        need(bytes[i] == bytes[0]);
    memset(bytes, (int)(crew_random(random) & 255), sizeof bytes);
    need(plait_array_set_bytes(array, crew_random(random) % 20, bytes, sizeof bytes) == 0);
}

/* Until it is killed, or told to end. */
static int use_all(void *arg)
{
    unsigned random = (unsigned)(uintptr_t)arg;
    while (!__atomic_load_n(&tally->go, __ATOMIC_ACQUIRE)) {
        count_up(crew_random(&random) % KEYS, crew_random(&random));
        use_texts(&random);
        use_array(&random);
        if (crew_random(&random) % 16 == 0)
            plait_yield();
    }
    return 0;
}

/* A process with threads and coroutines. `need` would take a lock of Check's, so a fault is told by
 * the status of a child that never should end on its own. */
static pid_t child_new(unsigned seed)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    for (unsigned i = 1; i < TASKS; i++)
        if (plait_start(NULL, i == 1 ? PLAIT_THREAD : PLAIT_COROUTINE, use_all,
                        (void *)(uintptr_t)(seed + i), NULL) != 0)
            _exit(1);
    use_all((void *)(uintptr_t)seed);
    _exit(plait_join_all(PLAIT_NEVER) == 0 ? 0 : 1);
}

static void open_all(void)
{
    tally = plait_share(sizeof *tally);
    numbers = plait_dict_open(sizeof(long), &(plait_dict_options){.where = PLAIT_SHARED});
    texts = plait_dict_open(PLAIT_MESSAGES, &(plait_dict_options){.where = PLAIT_SHARED});
    array = plait_array_open(100, 20, &(plait_array_options){.where = PLAIT_SHARED});
    ck_assert(tally && numbers && texts && array);
}

static void close_all(void)
{
    plait_dict_free(numbers);
    plait_dict_free(texts);
    plait_array_free(array);
    plait_share_free(tally);
}

static int look_at_text(const void *key, size_t key_size, const void *value, size_t size, void *arg)
{
    unsigned number;
    memcpy(&number, key, sizeof number);
    ck_assert(is_painted(value, size, number));
    ++*(size_t *)arg;
    return 0;
}

/* The survivor looks at everything, which also repairs it. */
static void look_at_all(int kills)
{
    size_t shown = 0;
    long missing = 0;
    unsigned random = 1;
    ck_assert_int_eq(plait_dict_visit(texts, look_at_text, &shown), 0);
    ck_assert_uint_eq(shown, plait_dict_count(texts));
    for (unsigned key = 0; key < KEYS; key++) {
        long number = 0;
        int rc = (int)plait_dict_get_bytes(numbers, &key, sizeof key, &number, sizeof number);
        ck_assert(rc > 0 || rc == -ENOENT);
        ck_assert_int_le(number, tally->begun[key]);
        ck_assert_int_ge(number, tally->ended[key]);
        missing += tally->begun[key] - tally->ended[key];
        count_up(key, key);
        use_texts(&random);
        use_array(&random);
    }
    ck_assert_int_le(missing, kills * TASKS);
}

static void kill_many(int kills)
{
    pid_t children[CHILDREN];
    unsigned seed = 1, random = 7;
    open_all();
    for (int i = 0; i < CHILDREN; i++)
        children[i] = child_new(seed += 10);
    for (int i = 0; i < kills; i++) {
        usleep(crew_random(&random) % 5000 + 500);
        int status, victim = (int)(crew_random(&random) % CHILDREN);
        ck_assert_int_eq(kill(children[victim], SIGKILL), 0);
        ck_assert_int_eq(waitpid(children[victim], &status, 0), children[victim]);
        ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        children[victim] = child_new(seed += 10);
    }
    __atomic_store_n(&tally->go, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < CHILDREN; i++) {
        int status;
        ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
        ck_assert_int_eq(status, 0);
    }
    look_at_all(kills);
    ck_assert_ptr_null(dict_verify(numbers));
    ck_assert_ptr_null(dict_verify(texts));
    close_all();
}

TEST(kills_tear_and_lose_nothing)
{
    kill_many(12);
}

TEST_LABELED(many_kills_tear_and_lose_nothing, "process long")
{
    kill_many(400);
}

TEST(a_death_under_the_arrays_lock_is_told)
{
    open_all();
    pid_t pid = fork();
    if (pid == 0)
        _exit(plait_lock_acquire(plait_array_lock(array), PLAIT_NEVER));
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    unsigned random = 1;
    use_array(&random); /* get and set know nothing of it */
    ck_assert_int_eq(plait_lock_acquire(plait_array_lock(array), PLAIT_NEVER), -EOWNERDEAD);
    plait_lock_mend(plait_array_lock(array));
    plait_lock_release(plait_array_lock(array));
    close_all();
}

/* ---- by name */

static char url[64];

static void make_url(const char *what)
{
    snprintf(url, sizeof url, "shm:test-%s-%d", what, (int)getpid());
}

static void attach_and_add(void *arg)
{
    plait_dict *mine = plait_dict_open(sizeof(long), &(plait_dict_options){.url = url});
    long now = 0;
    if (!mine || plait_dict_add(mine, "visits", 1, &now) != 0 || now != 42)
        exit(1);
    for (int key = 0; key < 20000; key++) /* it grows: the other one must look again */
        if (plait_dict_set_bytes(mine, &key, sizeof key, &now, sizeof now) != 0)
            exit(2);
    plait_dict_free(mine);
}

TEST(by_its_name_unrelated_processes_meet)
{
    char text[1000];
    long visits = 41;
    make_url("dict");
    plait_dict *mine = plait_dict_open(sizeof(long), &(plait_dict_options){.url = url});
    ck_assert_ptr_nonnull(mine);
    ck_assert_int_eq(plait_dict_set(mine, "visits", &visits), 0);
    ck_assert_int_eq(harness_fork(attach_and_add, NULL, text, sizeof text), 0);
    ck_assert_int_eq(plait_dict_get(mine, "visits", &visits), 0);
    ck_assert_int_eq(visits, 42);
    for (int key = 0; key < 20000; key++)
        ck_assert_int_eq(plait_dict_get_bytes(mine, &key, sizeof key, &visits, sizeof visits), 8);
    ck_assert_ptr_null(plait_dict_open(4, &(plait_dict_options){.url = url}));
    ck_assert_int_eq(errno, PLAIT_EFORMAT);
    ck_assert_ptr_null(plait_array_open(8, 3, &(plait_array_options){.url = url}));
    ck_assert_int_eq(errno, PLAIT_EFORMAT);
    plait_dict_free(mine);
}

TEST(an_array_by_its_name)
{
    long number = 5;
    make_url("array");
    plait_array *one = plait_array_open(sizeof(long), 10, &(plait_array_options){.url = url});
    plait_array *two = plait_array_open(sizeof(long), 10, &(plait_array_options){.url = url});
    ck_assert(one && two);
    ck_assert_int_eq(plait_array_set(one, 9, &number), 0);
    number = 0;
    ck_assert_int_eq(plait_array_get(two, 9, &number), 0);
    ck_assert_int_eq(number, 5);
    ck_assert_ptr_null(plait_array_open(sizeof(long), 11, &(plait_array_options){.url = url}));
    ck_assert_int_eq(errno, PLAIT_EFORMAT);
    plait_array_free(one);
    plait_array_free(two);
}

/* ---- handed to a new image */

static int use_handed(void *arg)
{
    plait_dict *dict = plait_inherited(0);
    plait_array *seats = plait_inherited(1);
    long now = 0;
    int rc = dict && seats ? plait_dict_add(dict, "visits", 2, &now) : -errno;
    return rc ? rc : plait_array_set(seats, 1, &now);
}
PLAIT_FUNCTION(use_handed)

TEST(they_are_handed_to_a_new_image)
{
    long number = 40, unused = 0;
    int status = -1;
    plait_task *task;
    plait_dict *dict = plait_dict_open(sizeof(long), &(plait_dict_options){.where = PLAIT_SHARED});
    plait_array *seats =
        plait_array_open(sizeof(long), 3, &(plait_array_options){.where = PLAIT_SHARED});
    plait_start_options options = {.method = PLAIT_SPAWN,
                                   .arg_size = sizeof unused,
                                   .shared = (void *[]){dict, seats},
                                   .shared_count = 2};
    ck_assert_int_eq(plait_dict_set(dict, "visits", &number), 0);
    ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, use_handed, &unused, &options), 0);
    ck_assert_int_eq(plait_join(task, &status, PLAIT_NEVER), 0);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(plait_array_get(seats, 1, &number), 0);
    ck_assert_int_eq(number, 42);
    plait_dict_free(dict);
    plait_array_free(seats);
}

/* ---- a hostile peer: any word may hold anything, but for the locks' own, by which it can stop us
 *  (docs/shared-memory.md). No call may read elsewhere, or go on for ever. */

static bool is_in_lock(const plait_dict *dict, size_t at)
{
    size_t pool = offsetof(struct dict_head, pool), stripes = DICT_HEAD;
    if (at >= pool && at < pool + sizeof(plait_lock))
        return true;
    return at >= stripes && at < stripes + DICT_STRIPES * sizeof(struct dict_stripe) &&
           (at - stripes) % sizeof(struct dict_stripe) < sizeof(plait_lock);
}

static uint64_t lie(unsigned *random, uint64_t was, size_t size)
{
    uint64_t any = (uint64_t)crew_random(random) << 48 ^ (uint64_t)crew_random(random) << 32 ^
                   (uint64_t)crew_random(random) << 16 ^ crew_random(random);
    switch (crew_random(random) % 6) {
    case 0:
        return was ^ UINT64_C(1) << any % 64;
    case 1:
        return any;
    case 2:
        return any % size & ~UINT64_C(15); /* an offset inside */
    case 3:
        return any % 40; /* a small count */
    case 4:
        return size - any % 32;
    default:
        return was + 16;
    }
}

static int look(const void *key, size_t key_size, const void *value, size_t size, void *arg)
{
    unsigned sum = 0;
    for (size_t i = 0; i < key_size; i++)
        sum += ((const unsigned char *)key)[i];
    for (size_t i = 0; i < size; i++)
        sum += ((const unsigned char *)value)[i];
    *(unsigned *)arg += sum;
    return 0;
}

static void use_damaged(plait_dict *dict, unsigned *random)
{
    unsigned char bytes[VALUE_MOST] = {0};
    unsigned sum = 0;
    for (int i = 0; i < 6; i++) {
        unsigned key = crew_random(random) % KEYS;
        ssize_t size = plait_dict_get_bytes(dict, &key, sizeof key, bytes, sizeof bytes);
        ck_assert(size >= -5200 && size <= VALUE_MOST);
        size = crew_random(random) % VALUE_MOST;
        plait_dict_set_bytes(dict, &key, sizeof key, bytes, (size_t)size);
        if (i % 2)
            plait_dict_delete_bytes(dict, &key, sizeof key);
    }
    if (crew_random(random) % 8 == 0)
        plait_dict_visit(dict, look, &sum);
}

static void fill(plait_dict *dict)
{
    unsigned char bytes[VALUE_MOST] = {0};
    for (unsigned key = 0; key < KEYS; key++)
        ck_assert_int_eq(plait_dict_set_bytes(dict, &key, sizeof key, bytes, key * 4), 0);
    for (unsigned key = 0; key < KEYS; key += 5)
        ck_assert_int_eq(plait_dict_delete_bytes(dict, &key, sizeof key), 0);
}

static void damage(int rounds)
{
    unsigned random = 3;
    plait_dict *dict = plait_dict_open(
        PLAIT_MESSAGES, &(plait_dict_options){.where = PLAIT_SHARED, .limit = 1 << 20});
    fill(dict);
    size_t size = share_area_size(dict->area);
    char *saved = malloc(size);
    memcpy(saved, dict->memory, size);
    for (int i = 0; i < rounds; i++) {
        for (unsigned lies = crew_random(&random) % 4 + 1; lies > 0;) {
            size_t at =
                (crew_random(&random) % 3 ? crew_random(&random) << 4 : crew_random(&random)) %
                    (i % 2 ? size : DICT_HEAD + sizeof(struct dict_stripe) * DICT_STRIPES) &
                ~(size_t)7;
            if (is_in_lock(dict, at))
                continue;
            uint64_t *word = (uint64_t *)(void *)(dict->memory + at);
            *word = lie(&random, *word, size);
            lies--;
        }
        use_damaged(dict, &random);
        memcpy(dict->memory, saved, size);
    }
    free(saved);
    plait_dict_free(dict);
}

TEST(lies_in_its_memory_lead_nowhere)
{
    damage(3000);
}

TEST_LABELED(many_lies_in_its_memory_lead_nowhere, "process long")
{
    damage(60000);
}

/* A peer that died with a journal full of lies. */
TEST(lies_in_a_journal_are_refused)
{
    plait_dict *dict = plait_dict_open(sizeof(long), &(plait_dict_options){.where = PLAIT_SHARED});
    long value = 1;
    ck_assert_int_eq(plait_dict_set(dict, "a", &value), 0);
    pid_t pid = fork();
    if (pid == 0) {
        for (unsigned i = 0; i < DICT_STRIPES; i++) {
            struct dict_stripe *stripe = dict_stripe(dict, i);
            if (guard_take(&stripe->guard, true, NULL) != 0)
                _exit(1);
            stripe->journal[0] = i % 2 ? 1000000 : 3;
            stripe->journal[1] = UINT64_MAX - 7;
        }
        kill(getpid(), SIGKILL);
    }
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(plait_dict_set(dict, "a", &value), -PLAIT_EFORMAT);
        ck_assert_int_eq(plait_dict_add(dict, "b", 1, NULL), -PLAIT_EFORMAT);
        ck_assert_int_eq(plait_dict_delete(dict, "c"), -PLAIT_EFORMAT);
        ck_assert_int_eq(plait_dict_visit(dict, look, &i), -PLAIT_EFORMAT);
    }
    plait_dict_free(dict);
}

TEST(an_arrays_lie_is_refused)
{
    plait_array *twelve = plait_array_open(12, 40, &(plait_array_options){.where = PLAIT_SHARED});
    char item[12] = {0};
    pid_t pid = fork();
    if (pid == 0) {
        if (guard_take(&twelve->part[3].guard, true, NULL) != 0)
            _exit(1);
        twelve->part[3].half = 1000000;
        kill(getpid(), SIGKILL);
    }
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    ck_assert_int_eq(plait_array_set_bytes(twelve, 3, item, sizeof item), -PLAIT_EFORMAT);
    ck_assert_int_eq(plait_array_set_bytes(twelve, 4, item, sizeof item), 0);
    plait_array_free(twelve);
}
