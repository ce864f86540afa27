/* Programs that are truly stuck: each must be told of once, with the right names, and go on when
 * the youngest wait has ended with -EDEADLK.
 *
 * A row says what each task does, word by word:
 *     +A -A   takes, releases lock A          *A  takes re-entrant lock A
 *     =A      takes a set of locks: A alone   .   waits until all tasks have come to their next dot
 *     jN      joins task N                    J   starts a task that takes A, and waits for all it
 *             started
 *     S       the same in a scope             cC  waits for condition C with lock A, nC notifies it
 *     rW wW   reads, writes under rwlock W    zN  sleeps N looks long
 * A task that is refused puts back what it holds and is done. */
#include "crew.h"
#include "reports.h"

#include <ctype.h>

enum { TASKS_MOST = 40, LETTERS = 26, HELD_MOST = 8 };
#define AFTER (PLAIT_SECOND / 20) /* PLAIT_DEADLOCK_AFTER */

struct row {
    const char *name;
    int kind; /* a carrier, or CREW_MIXED: thread, coroutine, pthread in turn */
    const char *scripts[5];
    int copies; /* > 0: that many tasks of scripts[0], each with the locks one further on */
    int told;   /* reports, and refusals; 0: one */
    const char *says[6]; /* all in the reports */
    const char *hushes[2];
};

static const struct row rows[] = {
    {.name = "two_locks_crossed.thread",
     .kind = PLAIT_THREAD,
     .scripts = {"+A . +B", "+B . +A"},
     .says = {"'t0' waits to acquire lock B", "held by 't1'", "'t1' waits to acquire lock A",
              "held by 't0'", "gets -EDEADLK"}},
    {.name = "two_locks_crossed.coroutine",
     .kind = PLAIT_COROUTINE,
     .scripts = {"+A . +B", "+B . +A"},
     .says = {"'t0' waits to acquire lock B", "held by 't1'", "'t1' waits to acquire lock A",
              "held by 't0'", "gets -EDEADLK"}},
    {.name = "two_locks_crossed.mixed",
     .kind = CREW_MIXED,
     .scripts = {"+A . +B", "+B . +A"},
     .says = {"'t0' waits to acquire lock B", "'t1' waits to acquire lock A"}},
    {.name = "three_in_a_ring.mixed",
     .kind = CREW_MIXED,
     .scripts = {"+A . +B", "+B . +C", "+C . +A"},
     .says = {"'t0' waits to acquire lock B", "held by 't1'", "'t1' waits to acquire lock C",
              "held by 't2'", "'t2' waits to acquire lock A", "held by 't0'"}},
    {.name = "eight_philosophers.thread",
     .kind = PLAIT_THREAD,
     .scripts = {"+A . +B"},
     .copies = 8,
     .says = {"'t0' waits", "'t3' waits", "'t7' waits to acquire lock A", "held by 't0'"}},
    {.name = "twenty_six_in_a_ring.coroutine",
     .kind = PLAIT_COROUTINE,
     .scripts = {"+A . +B"},
     .copies = 26,
     .says = {"'t0' waits", "'t13' waits to acquire lock O", "'t25' waits to acquire lock A"}},
    {.name = "a_join_of_one_that_wants_my_lock.thread",
     .kind = PLAIT_THREAD,
     .scripts = {"+A . j1", ". +A"},
     .says = {"'t0' waits to join task 't1'", "'t1' waits to acquire lock A", "held by 't0'"}},
    {.name = "a_join_of_one_that_wants_my_lock.coroutine",
     .kind = PLAIT_COROUTINE,
     .scripts = {"+A . j1", ". +A"},
     .says = {"'t0' waits to join task 't1'", "'t1' waits to acquire lock A", "held by 't0'"}},
    {.name = "two_that_join_each_other.thread",
     .kind = PLAIT_THREAD,
     .scripts = {". j1", ". j0"},
     .says = {"'t0' waits to join task 't1'", "'t1' waits to join task 't0'"}},
    {.name = "a_join_of_all_while_one_wants_my_lock.thread",
     .kind = PLAIT_THREAD,
     .scripts = {"+A J"},
     .says = {"'t0' waits to join all tasks", "'child' waits to acquire lock A", "held by 't0'"}},
    {.name = "a_join_of_all_while_one_wants_my_lock.coroutine",
     .kind = PLAIT_COROUTINE,
     .scripts = {"+A J"},
     .says = {"'t0' waits to join all tasks", "'child' waits to acquire lock A", "held by 't0'"}},
    {.name = "a_scope_whose_task_wants_my_lock.thread",
     .kind = PLAIT_THREAD,
     .scripts = {"+A S"},
     .says = {"'t0' waits to join scope", "'child' waits to acquire lock A", "'child' gets"}},
    {.name = "a_scope_whose_task_wants_my_lock.coroutine",
     .kind = PLAIT_COROUTINE,
     .scripts = {"+A S"},
     .says = {"'t0' waits to join scope", "'child' waits to acquire lock A", "'child' gets"}},
    {.name = "a_re_entrant_lock_and_a_lock.thread",
     .kind = PLAIT_THREAD,
     .scripts = {"*A *A . +B", "+B . *A"},
     .says = {"'t0' waits to acquire lock B", "'t1' waits to acquire"}},
    {.name = "a_reader_and_a_writer.thread",
     .kind = PLAIT_THREAD,
     .scripts = {"rW . +A", "+A . wW"},
     .says = {"'t0' waits to acquire lock A", "'t1' waits to acquire rwlock W", "held by 't0'"}},
    {.name = "a_reader_and_a_writer.coroutine",
     .kind = PLAIT_COROUTINE,
     .scripts = {"rW . +A", "+A . wW"},
     .says = {"'t0' waits to acquire lock A", "'t1' waits to acquire rwlock W", "held by 't0'"}},
    {.name = "two_writers.mixed",
     .kind = CREW_MIXED,
     .scripts = {"wV . wW", "wW . wV"},
     .says = {"'t0' waits to acquire", "'t1' waits to acquire", "held by 't0'"}},
    {.name = "a_set_and_a_lock.mixed",
     .kind = CREW_MIXED,
     .scripts = {"+A . =B", "+B . +A"},
     .says = {"'t0' waits to acquire lock B", "'t1' waits to acquire lock A"}},
    {.name = "a_condition_that_wants_its_lock_back.thread",
     .kind = PLAIT_THREAD,
     .scripts = {"+B +A . cC", ". z1 +A nC z1 +B"},
     .says = {"'t0' waits to acquire lock A", "'t1' waits to acquire lock B",
              "'t1' gets -EDEADLK"}},
    {.name = "a_circle_with_onlookers.mixed",
     .kind = CREW_MIXED,
     .scripts = {"+A . +B", "+B . +A", ". z1 +A", ". z1 +B"},
     .says = {"'t0' waits to acquire lock B", "'t1' waits to acquire lock A"},
     .hushes = {"'t2'", "'t3'"}},
    {.name = "a_circle_that_closes_late.thread",
     .kind = PLAIT_THREAD,
     .scripts = {"+A . +B", "+B . z4 +A"},
     .says = {"'t0' waits to acquire lock B", "'t1' gets -EDEADLK"}},
    {.name = "a_circle_that_closes_late.coroutine",
     .kind = PLAIT_COROUTINE,
     .scripts = {"+A . +B", "+B . z4 +A"},
     .says = {"'t0' waits to acquire lock B", "'t1' gets -EDEADLK"}},
    {.name = "two_circles.mixed",
     .kind = CREW_MIXED,
     .scripts = {"+A . +B", "+B . +A", "+C . +D", "+D . +C"},
     .told = 2,
     .says = {"'t0' waits to acquire lock B", "'t1' waits to acquire lock A",
              "'t2' waits to acquire lock D", "'t3' waits to acquire lock C"}},
};

static plait_lock locks[LETTERS];
static plait_rlock rlocks[LETTERS];
static plait_rwlock rwlocks[LETTERS];
static plait_condition conditions[LETTERS];

struct actor {
    const char *script;
    int number, shift;
    plait_task *task;
    pthread_t thread;
    bool joined;
};

static struct {
    struct actor actors[TASKS_MOST];
    int count, gone, refused;
    int dots; /* how many times somebody came to one */
} play;

static void dot(void)
{
    int mine = __atomic_add_fetch(&play.dots, 1, __ATOMIC_SEQ_CST);
    int until = (mine + play.count - 1) / play.count * play.count;
    while (__atomic_load_n(&play.dots, __ATOMIC_SEQ_CST) < until)
        plait_sleep(plait_after(PLAIT_MILLISECOND / 4));
}

static int child(void *arg)
{
    int rc = plait_lock_acquire(arg, PLAIT_NEVER);
    if (rc == 0)
        plait_lock_release(arg);
    else if (rc == -EDEADLK)
        __atomic_add_fetch(&play.refused, 1, __ATOMIC_SEQ_CST);
    return rc;
}

static const plait_start_options child_options = {.name = "child"};

static int all_children(plait_carrier carrier)
{
    need(plait_start(NULL, carrier, child, &locks[0], &child_options) == 0);
    int rc = plait_join_all(PLAIT_NEVER);
    return rc > 0 ? 0 : rc;
}

static int scope_of_child(plait_carrier carrier)
{
    int result = 0;
    plait_scoped (PLAIT_NEVER, &result)
        need(plait_start(NULL, carrier, child, &locks[0], &child_options) == 0);
    need(result == 0 || result == -EDEADLK);
    return 0;
}

static void free_lock(void *lock)
{
    plait_lock_release(lock);
}

static void free_rlock(void *lock)
{
    plait_rlock_release(lock);
}

static void free_rwlock(void *lock)
{
    plait_rwlock_release(lock);
}

struct hand { /* what an actor holds */
    struct {
        void *object;
        void (*free)(void *object);
    } held[HELD_MOST];
    int count;
};

static int keep(struct hand *hand, int rc, void *object, void (*free)(void *object))
{
    if (rc == 0) {
        hand->held[hand->count].object = object;
        hand->held[hand->count++].free = free;
    }
    return rc;
}

static void put_back(struct hand *hand)
{
    while (hand->count-- > 0)
        hand->held[hand->count].free(hand->held[hand->count].object);
}

static int join_actor(int number)
{
    struct actor *other = &play.actors[number];
    int rc = plait_join(other->task, NULL, PLAIT_NEVER);
    other->joined = rc == 0;
    return rc;
}

/* One word of a script. */
static int act(struct actor *actor, struct hand *hand, const char *word)
{
    int letter = (word[1] - 'A' + actor->shift) % LETTERS;
    if (word[1] && isupper((unsigned char)word[1]) && play.count == actor->number + 1 &&
        actor->shift)
        letter %= play.count; /* the last of a ring takes the first one's */
    plait_lock *lock = letter >= 0 ? &locks[letter] : NULL;
    plait_rwlock *rwlock = letter >= 0 ? &rwlocks[letter] : NULL;
    plait_carrier carrier = plait_task_carrier(NULL);
    switch (word[0]) {
    case '+':
        return keep(hand, plait_lock_acquire(lock, PLAIT_NEVER), lock, free_lock);
    case '=':
        return keep(hand, plait_locks_acquire(&lock, 1, PLAIT_NEVER), lock, free_lock);
    case '*':
        return keep(hand, plait_rlock_acquire(&rlocks[letter], PLAIT_NEVER), &rlocks[letter],
                    free_rlock);
    case '.':
        dot();
        return 0;
    case 'j':
        return join_actor(atoi(word + 1));
    case 'J':
        return all_children(carrier);
    case 'S':
        return scope_of_child(carrier);
    case 'r':
        return keep(hand, plait_rwlock_acquire_read(rwlock, PLAIT_NEVER), rwlock, free_rwlock);
    case 'w':
        return keep(hand, plait_rwlock_acquire_write(rwlock, PLAIT_NEVER), rwlock, free_rwlock);
    case 'c':
        return plait_condition_wait(&conditions[letter], &locks[0], PLAIT_NEVER);
    case 'n':
        plait_condition_notify_all(&conditions[letter]);
        return 0;
    case 'z':
        return plait_sleep(plait_after(atoi(word + 1) * AFTER));
    }
    ck_abort_msg("no such word: %s", word);
}

static int perform(void *arg)
{
    struct actor *actor = arg;
    struct hand hand = {.count = 0};
    char name[16], script[64], *rest = script;
    snprintf(name, sizeof name, "t%d", actor->number);
    plait_task_set_name(NULL, name);
    snprintf(script, sizeof script, "%s", actor->script);
    int rc = 0;
    for (char *word; rc == 0 && (word = strtok_r(rest, " ", &rest));)
        rc = act(actor, &hand, word);
    need(rc == 0 || rc == -EDEADLK);
    if (rc)
        __atomic_add_fetch(&play.refused, 1, __ATOMIC_SEQ_CST);
    put_back(&hand);
    __atomic_add_fetch(&play.gone, 1, __ATOMIC_SEQ_CST);
    return 0;
}

static void *perform_alone(void *actor)
{
    perform(actor);
    return NULL;
}

static void cast(const struct row *row)
{
    for (int i = 0; i < LETTERS; i++) {
        char name[2] = {(char)('A' + i), '\0'};
        plait_name(&locks[i], name);
        plait_name(&rwlocks[i], name);
    }
    while (play.count < 5 && row->scripts[play.count])
        play.count++;
    if (row->copies)
        play.count = row->copies;
    for (int i = 0; i < play.count; i++)
        play.actors[i] = (struct actor){
            .script = row->scripts[row->copies ? 0 : i], .number = i, .shift = row->copies ? i : 0};
}

static void enter(struct actor *actor, int kind)
{
    static const int kinds[3] = {PLAIT_THREAD, PLAIT_COROUTINE, 0};
    int carrier = kind == CREW_MIXED ? kinds[actor->number % 3] : kind;
    if (carrier)
        ck_assert_int_eq(plait_start(&actor->task, (plait_carrier)carrier, perform, actor, NULL),
                         0);
    else
        ck_assert_int_eq(pthread_create(&actor->thread, NULL, perform_alone, actor), 0);
}

/* Not before all are done, because some join each other. */
static void leave(void)
{
    while (__atomic_load_n(&play.gone, __ATOMIC_SEQ_CST) < play.count)
        plait_sleep(plait_after(PLAIT_MILLISECOND));
    for (int i = 0; i < play.count; i++)
        if (!play.actors[i].task)
            pthread_join(play.actors[i].thread, NULL);
        else if (!play.actors[i].joined)
            plait_join(play.actors[i].task, NULL, PLAIT_NEVER);
}

static void run_row(int index)
{
    const struct row *row = &rows[index];
    int told = row->told ? row->told : 1;
    reports_begin();
    cast(row);
    for (int i = 0; i < play.count; i++)
        enter(&play.actors[i], row->kind);
    leave();
    ck_assert_msg(reports_of(PLAIT_REPORT_DEADLOCK) == told, "%s", reports.text);
    ck_assert_msg(play.refused == told, "%d were refused: %s", play.refused, reports.text);
    for (int i = 0; i < 6 && row->says[i]; i++)
        ck_assert_msg(strstr(reports.text, row->says[i]), "no \"%s\" in: %s", row->says[i],
                      reports.text);
    for (int i = 0; i < 2 && row->hushes[i]; i++)
        ck_assert_msg(!strstr(reports.text, row->hushes[i]), "\"%s\" in: %s", row->hushes[i],
                      reports.text);
}

__attribute__((constructor)) static void add_rows(void)
{
    static struct harness_case cases[sizeof rows / sizeof rows[0]];
    setenv("PLAIT_DEADLOCK_AFTER", "0.05", 1);
    unsetenv("PLAIT_DEADLOCK");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cases[i] =
            (struct harness_case){rows[i].name, "", run_row, (int)i, __FILE__, __LINE__, NULL};
        harness_add(&cases[i]);
    }
}
