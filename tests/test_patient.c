/* Programs that only look stuck: a task waits for a lock much longer than PLAIT_DEADLOCK_AFTER, and
 * whoever holds it is held up himself, by what will come. None may be told of, none may end with
 * -EDEADLK.
 *
 * Each row is what the holder does while he holds the lock; beside him one task waits for that
 * lock, and another one joins the first two. */
#include "crew.h"
#include "reports.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define AFTER (PLAIT_SECOND / 20) /* PLAIT_DEADLOCK_AFTER */
#define LONG (4 * AFTER)

static plait_lock lock, other, shared_by_pthreads;
static plait_event happened;
static plait_semaphore units;
static plait_condition condition;
static plait_queue *queue;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int descriptor = -1;

static void *nap_long(void *unused)
{
    nanosleep(&(struct timespec){.tv_nsec = LONG}, NULL);
    return unused;
}

/* A plain pthread that plait has never seen does `act` after a long while. */
static void *act_later(void *act)
{
    nap_long(NULL);
    ((void (*)(void))act)();
    return NULL;
}

static pthread_t later(void (*act)(void))
{
    pthread_t thread;
    need(pthread_create(&thread, NULL, act_later, (void *)act) == 0);
    return thread;
}

static void set_it(void)
{
    plait_event_set(&happened);
}

static void a_foreign_thread_will_set_an_event(void)
{
    pthread_t thread = later(set_it);
    need(plait_event_wait(&happened, PLAIT_NEVER) == 0);
    pthread_join(thread, NULL);
}

static void post(void)
{
    plait_semaphore_release(&units, 1);
}

static void a_foreign_thread_will_post(void)
{
    pthread_t thread = later(post);
    need(plait_semaphore_acquire(&units, 1, PLAIT_NEVER) == 0);
    pthread_join(thread, NULL);
}

static void put(void)
{
    int item = 1;
    need(plait_put(queue, &item, PLAIT_NEVER) == 0);
}

static void a_foreign_thread_will_put(void)
{
    int item;
    need((queue = plait_queue_open(sizeof item, 4, NULL)) != NULL);
    pthread_t thread = later(put);
    need(plait_get(queue, &item, PLAIT_NEVER) == 0);
    pthread_join(thread, NULL);
    plait_queue_free(queue);
}

static void notify(void)
{
    need(plait_lock_acquire(&other, PLAIT_NEVER) == 0);
    plait_condition_notify_all(&condition);
    plait_lock_release(&other);
}

static void a_foreign_thread_will_notify(void)
{
    need(plait_lock_acquire(&other, PLAIT_NEVER) == 0);
    pthread_t thread = later(notify);
    need(plait_condition_wait(&condition, &other, PLAIT_NEVER) == 0);
    plait_lock_release(&other);
    pthread_join(thread, NULL);
}

static void *hold_other(void *unused)
{
    need(plait_lock_acquire(&other, PLAIT_NEVER) == 0);
    plait_event_set(&happened);
    nap_long(NULL);
    plait_lock_release(&other);
    return unused;
}

static void a_foreign_thread_holds_what_he_wants(void)
{
    pthread_t thread;
    need(pthread_create(&thread, NULL, hold_other, NULL) == 0);
    need(plait_event_wait(&happened, PLAIT_NEVER) == 0);
    need(plait_lock_acquire(&other, PLAIT_NEVER) == 0);
    plait_lock_release(&other);
    pthread_join(thread, NULL);
}

static void *hold_mutex(void *unused)
{
    pthread_mutex_lock(&mutex);
    plait_event_set(&happened);
    nap_long(NULL);
    pthread_mutex_unlock(&mutex);
    return unused;
}

static void a_plain_mutex_is_held(void)
{
    pthread_t thread;
    need(pthread_create(&thread, NULL, hold_mutex, NULL) == 0);
    need(plait_event_wait(&happened, PLAIT_NEVER) == 0);
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    pthread_join(thread, NULL);
}

static void on_signal(int number)
{
    plait_event_set(&happened);
}

static void a_handler_will_set_an_event(void)
{
    struct itimerval timer = {.it_value = {.tv_usec = LONG / 1000}};
    signal(SIGVTALRM, SIG_IGN);
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    need(sigaction(SIGALRM, &action, NULL) == 0);
    need(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    need(plait_event_wait(&happened, PLAIT_NEVER) == 0);
}

static void a_timer_is_far_away(void)
{
    need(plait_sleep(plait_after(LONG)) == 0);
}

static void his_own_wait_has_a_deadline(void)
{
    need(plait_event_wait(&happened, plait_after(LONG)) == -ETIMEDOUT);
}

static int nap_and_exit(void *unused)
{
    nap_long(NULL);
    return 0;
}

static void a_child_runs_on(void)
{
    plait_task *task;
    need(plait_start(&task, PLAIT_PROCESS, nap_and_exit, NULL, NULL) == 0);
    need(plait_join(task, NULL, PLAIT_NEVER) == 0);
}

static int release_in_child(void *shared)
{
    need(plait_lock_acquire(shared, PLAIT_NEVER) == 0);
    nap_long(NULL);
    plait_lock_release(shared);
    return 0;
}

static void a_child_will_release(void)
{
    plait_lock *shared = plait_share(sizeof *shared);
    plait_task *task;
    need(shared != NULL);
    plait_lock_init(shared, PLAIT_SHARED);
    need(plait_start(&task, PLAIT_PROCESS, release_in_child, shared, NULL) == 0);
    while (!plait_lock_is_held(shared) && plait_is_alive(task))
        plait_yield();
    need(plait_lock_acquire(shared, PLAIT_NEVER) == 0);
    plait_lock_release(shared);
    need(plait_join(task, NULL, PLAIT_NEVER) == 0);
    plait_share_free(shared);
}

static void ring(void)
{
    uint64_t one = 1;
    need(write(descriptor, &one, sizeof one) == sizeof one);
}

static void an_eventfd_will_ring(void)
{
    uint64_t count;
    need((descriptor = eventfd(0, EFD_CLOEXEC)) >= 0);
    pthread_t thread = later(ring);
    need(read(descriptor, &count, sizeof count) == sizeof count);
    pthread_join(thread, NULL);
    close(descriptor);
}

static void a_child_will_write(void)
{
    int ends[2];
    char byte;
    need(pipe(ends) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        nap_long(NULL);
        _exit(write(ends[1], "x", 1) == 1 ? 0 : 1);
    }
    close(ends[1]);
    need(read(ends[0], &byte, 1) == 1);
    close(ends[0]);
    need(waitpid(pid, NULL, 0) == pid);
}

static int nap_for(void *unused)
{
    nap_long(NULL);
    return 0;
}

static void a_blocking_call_runs(void)
{
    need(plait_blocking(nap_for, NULL) == 0);
}

static void he_computes(void)
{
    for (int64_t end = plait_after(LONG); plait_now() < end;)
        ;
}

static int wait_and_end(void *unused)
{
    return plait_sleep(plait_after(LONG));
}

static void one_whom_he_joins_sleeps(void)
{
    plait_task *task;
    need(plait_start(&task, PLAIT_COROUTINE, wait_and_end, NULL, NULL) == 0);
    need(plait_join(task, NULL, PLAIT_NEVER) == 0);
}

static void all_whom_he_started_sleep(void)
{
    for (int i = 0; i < 20; i++)
        need(plait_start(NULL, PLAIT_COROUTINE, wait_and_end, NULL, NULL) == 0);
    need(plait_join_all(PLAIT_NEVER) == 0);
}

static int cross(void *arg)
{
    int rc = 0;
    plait_lock *first = arg ? &other : &shared_by_pthreads;
    plait_lock *second = arg ? &shared_by_pthreads : &other;
    need(plait_lock_acquire(first, PLAIT_NEVER) == 0);
    plait_sleep(plait_after(PLAIT_MILLISECOND * 5));
    need((rc = plait_lock_acquire(second, plait_after(LONG))) == 0 || rc == -ETIMEDOUT);
    if (rc == 0)
        plait_lock_release(second);
    plait_lock_release(first);
    return 0;
}

/* A circle, but time ends it. */
static void two_cross_with_deadlines(void)
{
    plait_task *one, *two;
    need(plait_start(&one, PLAIT_THREAD, cross, NULL, NULL) == 0);
    need(plait_start(&two, PLAIT_COROUTINE, cross, "", NULL) == 0);
    need(plait_join(one, NULL, PLAIT_NEVER) == 0 && plait_join(two, NULL, PLAIT_NEVER) == 0);
}

static int cross_in_scope(void *arg)
{
    int rc = 0, result = 0;
    plait_lock *first = arg ? &other : &shared_by_pthreads;
    need(plait_lock_acquire(first, PLAIT_NEVER) == 0);
    plait_sleep(plait_after(PLAIT_MILLISECOND * 5));
    plait_scoped (plait_after(LONG), &result)
        rc = plait_lock_acquire(arg ? &shared_by_pthreads : &other, PLAIT_NEVER);
    need(rc == 0 || rc == -ETIMEDOUT);
    if (rc == 0)
        plait_lock_release(arg ? &shared_by_pthreads : &other);
    plait_lock_release(first);
    return 0;
}

static void two_cross_in_scopes_that_end(void)
{
    plait_task *one, *two;
    need(plait_start(&one, PLAIT_THREAD, cross_in_scope, NULL, NULL) == 0);
    need(plait_start(&two, PLAIT_COROUTINE, cross_in_scope, "", NULL) == 0);
    need(plait_join(one, NULL, PLAIT_NEVER) == 0 && plait_join(two, NULL, PLAIT_NEVER) == 0);
}

static plait_lock forks[5];

static int eat(void *arg)
{
    int seat = (int)(intptr_t)arg, low = seat < 4 ? seat : 0, high = seat < 4 ? seat + 1 : 4;
    for (int64_t end = plait_after(LONG); plait_now() < end;) {
        need(plait_lock_acquire(&forks[low], PLAIT_NEVER) == 0);
        need(plait_lock_acquire(&forks[high], PLAIT_NEVER) == 0);
        plait_yield();
        plait_lock_release(&forks[high]);
        plait_lock_release(&forks[low]);
    }
    return 0;
}

/* Everybody waits for somebody at each moment, but all go on. */
static void philosophers_eat_in_order(void)
{
    struct crew crew = {.count = 0};
    for (int i = 0; i < 5; i++)
        crew_add(&crew, i % 2 ? PLAIT_THREAD : PLAIT_COROUTINE, eat, (void *)(intptr_t)i);
    crew_join(&crew);
}

static int try_both(void *arg)
{
    plait_lock *first = arg ? &forks[0] : &forks[1], *second = arg ? &forks[1] : &forks[0];
    for (int64_t end = plait_after(LONG); plait_now() < end; plait_yield()) {
        need(plait_lock_acquire(first, PLAIT_NEVER) == 0);
        if (plait_lock_acquire(second, PLAIT_NOW) == 0)
            plait_lock_release(second);
        plait_lock_release(first);
    }
    return 0;
}

static void two_cross_with_tries(void)
{
    struct crew crew = {.count = 0};
    crew_add(&crew, PLAIT_THREAD, try_both, NULL);
    crew_add(&crew, PLAIT_THREAD, try_both, "");
    crew_add(&crew, PLAIT_COROUTINE, try_both, NULL);
    crew_join(&crew);
}

static int cancel_later(void *task)
{
    plait_sleep(plait_after(LONG));
    plait_cancel(task);
    return 0;
}

static void somebody_will_cancel_him(void)
{
    plait_task *task;
    need(plait_start(&task, PLAIT_THREAD, cancel_later, plait_self(), NULL) == 0);
    need(plait_event_wait(&happened, PLAIT_NEVER) == -ECANCELED);
    need(plait_join(task, NULL, PLAIT_NEVER) == 0);
}

static const struct row {
    const char *name;
    void (*hold)(void);
    const char *labels;
    int carrier; /* of the holder; the others are a thread and a coroutine */
} rows[] = {
#define THREAD(name)                                                                               \
    {                                                                                              \
#name ".thread", name, "", PLAIT_THREAD                                                    \
    }
#define COROUTINE(name)                                                                            \
    {                                                                                              \
#name ".coroutine", name, "", PLAIT_COROUTINE                                              \
    }
/* The fork comes while threads start, in whose allocations AddressSanitizer would hang the
 * child. */
#define PROCESS(name)                                                                              \
    {                                                                                              \
#name, name, "process noasan", PLAIT_THREAD                                                \
    }
    THREAD(a_foreign_thread_will_set_an_event),
    COROUTINE(a_foreign_thread_will_set_an_event),
    THREAD(a_foreign_thread_will_post),
    COROUTINE(a_foreign_thread_will_put),
    THREAD(a_foreign_thread_will_notify),
    COROUTINE(a_foreign_thread_holds_what_he_wants),
    THREAD(a_foreign_thread_holds_what_he_wants),
    THREAD(a_plain_mutex_is_held),
    /* ThreadSanitizer holds signals back until a call of libc, and plait sleeps by none. */
    {"a_handler_will_set_an_event.thread", a_handler_will_set_an_event, "notsan", PLAIT_THREAD},
    THREAD(a_timer_is_far_away),
    COROUTINE(a_timer_is_far_away),
    COROUTINE(his_own_wait_has_a_deadline),
    PROCESS(a_child_runs_on),
    PROCESS(a_child_will_release),
    PROCESS(a_child_will_write),
    THREAD(an_eventfd_will_ring),
    COROUTINE(an_eventfd_will_ring),
    COROUTINE(a_blocking_call_runs),
    THREAD(he_computes),
    COROUTINE(one_whom_he_joins_sleeps),
    THREAD(all_whom_he_started_sleep),
    THREAD(two_cross_with_deadlines),
    COROUTINE(two_cross_in_scopes_that_end),
    THREAD(philosophers_eat_in_order),
    THREAD(two_cross_with_tries),
    COROUTINE(somebody_will_cancel_him),
};

static plait_event held;

static int hold(void *row)
{
    need(plait_lock_acquire(&lock, PLAIT_NEVER) == 0);
    plait_event_set(&held);
    ((const struct row *)row)->hold();
    plait_lock_release(&lock);
    return 0;
}

static int want(void *unused)
{
    need(plait_event_wait(&held, PLAIT_NEVER) == 0);
    need(plait_lock_acquire(&lock, PLAIT_NEVER) == 0);
    plait_lock_release(&lock);
    return 0;
}

static int join_both(void *tasks)
{
    need(plait_join(((plait_task **)tasks)[0], NULL, PLAIT_NEVER) == 0);
    need(plait_join(((plait_task **)tasks)[1], NULL, PLAIT_NEVER) == 0);
    return 0;
}

static void run_row(int index)
{
    const struct row *row = &rows[index];
    plait_task *tasks[2], *joiner;
    int status;
    reports_begin();
    ck_assert_int_eq(plait_start(&tasks[0], (plait_carrier)row->carrier, hold, (void *)row, NULL),
                     0);
    ck_assert_int_eq(plait_start(&tasks[1], PLAIT_THREAD, want, NULL, NULL), 0);
    ck_assert_int_eq(plait_start(&joiner, PLAIT_COROUTINE, join_both, tasks, NULL), 0);
    ck_assert_int_eq(plait_join(joiner, &status, PLAIT_NEVER), 0);
    ck_assert_int_eq(status, 0);
    ck_assert_msg(reports_of(PLAIT_REPORT_DEADLOCK) == 0, "%s", reports.text);
}

__attribute__((constructor)) static void add_rows(void)
{
    static struct harness_case cases[sizeof rows / sizeof rows[0]];
    setenv("PLAIT_DEADLOCK_AFTER", "0.05", 1);
    unsetenv("PLAIT_DEADLOCK");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cases[i] = (struct harness_case){rows[i].name, rows[i].labels, run_row, (int)i,
                                         __FILE__,     __LINE__,       NULL};
        harness_add(&cases[i]);
    }
}
