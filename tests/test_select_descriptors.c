/* Descriptors in a select: pipes, sockets, files, closed ones, numbers used again, no number
 * left. */
#include "crew.h"
#include "os/os.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

struct waiting {
    int descriptor, result;
    plait_case cases[3];
    int count;
    int64_t deadline;
};

static int wait_for(void *arg)
{
    struct waiting *one = arg;
    one->result = plait_select_cases(one->cases, one->count, one->deadline);
    return 0;
}

static void begin(struct crew *crew, int carrier, struct waiting *one)
{
    crew->count = 0;
    crew_start(crew, carrier, 1, wait_for, one);
    while (plait_task_state(crew->task[0]) != PLAIT_WAITING)
        plait_sleep(plait_after(100 * PLAIT_MICROSECOND));
    plait_sleep(plait_after(PLAIT_MILLISECOND));
}

static void ends(int pair[2], bool socket)
{
    ck_assert_int_eq(socket ? socketpair(AF_UNIX, SOCK_STREAM, 0, pair) : pipe(pair), 0);
}

TEST_LIGHT(readable_while_asleep)
{
    for (int i = 0; i < 20; i++) {
        struct crew crew;
        int pair[2], other[2];
        ends(pair, i % 2);
        ends(other, i % 2);
        struct waiting one = {.cases = {plait_on_readable(other[0]), plait_on_readable(pair[0])},
                              .count = 2,
                              .deadline = PLAIT_NEVER};
        begin(&crew, carrier, &one);
        if (i % 3)
            ck_assert_int_eq(write(pair[1], "x", 1), 1);
        else
            close(pair[1]); /* the end is news too */
        crew_join(&crew);
        ck_assert_int_eq(one.result, 1);
        ck_assert_int_ne(one.cases[1].result & OS_READABLE, 0);
        if (i % 3)
            close(pair[1]);
        close(pair[0]);
        close(other[0]);
        close(other[1]);
    }
}

static void fill(int descriptor)
{
    static const char zeroes[4096];
    ck_assert_int_eq(fcntl(descriptor, F_SETFL, O_NONBLOCK), 0);
    while (write(descriptor, zeroes, sizeof zeroes) > 0)
        ;
}

TEST_LIGHT(writable_while_asleep)
{
    static char sink[1 << 20];
    struct crew crew;
    int pair[2];
    ends(pair, true);
    ck_assert_int_eq(plait_select(PLAIT_NOW, plait_on_writable(pair[0])), 0);
    fill(pair[0]);
    ck_assert_int_eq(plait_select(PLAIT_NOW, plait_on_writable(pair[0])), -EAGAIN);
    /* both directions of one number */
    struct waiting one = {.cases = {plait_on_readable(pair[0]), plait_on_writable(pair[0])},
                          .count = 2,
                          .deadline = PLAIT_NEVER};
    begin(&crew, carrier, &one);
    ck_assert_int_eq(fcntl(pair[1], F_SETFL, O_NONBLOCK), 0);
    while (read(pair[1], sink, sizeof sink) > 0)
        ;
    crew_join(&crew);
    ck_assert_int_eq(one.result, 1);
    fill(pair[0]);
    begin(&crew, carrier, &one);
    ck_assert_int_eq(write(pair[1], "x", 1), 1);
    crew_join(&crew);
    ck_assert_int_eq(one.result, 0);
    close(pair[0]);
    close(pair[1]);
}

/* Another one that starts late would open descriptors of its own. */
static void one_worker(void)
{
    setenv("PLAIT_WORKERS", "1", 1);
}

TEST_LIGHT(cancel_and_deadline_leave_nothing_behind)
{
    struct crew crew;
    int pair[2], before;
    one_worker();
    ends(pair, false);
    struct waiting one = {.cases = {plait_on_readable(pair[0]), plait_on_readable(pair[0])},
                          .count = 2};
    one.deadline = plait_after(PLAIT_MILLISECOND);
    crew_run(carrier, 1, wait_for, &one);
    ck_assert_int_eq(one.result, -ETIMEDOUT);
    before = harness_descriptors();
    one.deadline = PLAIT_NEVER;
    begin(&crew, carrier, &one);
    while (harness_descriptors() != before + 1) /* the second one's own number */
        plait_sleep(plait_after(PLAIT_MILLISECOND));
    plait_cancel(crew.task[0]);
    crew_join(&crew);
    ck_assert_int_eq(one.result, -ECANCELED);
    ck_assert_int_eq(harness_descriptors(), before);
    close(pair[0]);
    close(pair[1]);
}

TEST_CREW(many_wait_for_one_descriptor)
{
    struct waiting all[6];
    struct crew crew = {.count = 0};
    int pair[2];
    ends(pair, false);
    for (int i = 0; i < 6; i++) {
        all[i] = (struct waiting){
            .cases = {plait_on_readable(pair[0])}, .count = 1, .deadline = PLAIT_NEVER};
        crew_start(&crew,
                   carrier == CREW_MIXED ? (int)(i % 2 ? PLAIT_THREAD : PLAIT_COROUTINE) : carrier,
                   1, wait_for, &all[i]);
    }
    plait_sleep(plait_after(3 * PLAIT_MILLISECOND));
    ck_assert_int_eq(write(pair[1], "x", 1), 1); /* nobody reads it: all are told */
    crew_join(&crew);
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(all[i].result, 0);
    close(pair[0]);
    close(pair[1]);
}

static int odd_descriptors(void *arg)
{
    int pair[2], file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    plait_case cases[2];
    need(pipe(pair) == 0);
    need(plait_select(PLAIT_NEVER, plait_on_readable(-1)) == -EBADF);
    need(plait_select(PLAIT_NEVER, plait_on_readable(INT_MIN)) == -EBADF);
    need(plait_select(PLAIT_NEVER, plait_on_writable(1000000)) == -EBADF);
    /* the poller takes no regular file, but it is always ready */
    need(plait_select(PLAIT_NEVER, plait_on_readable(file)) == 0);
    need(plait_select(PLAIT_NEVER, plait_on_readable(pair[0]), plait_on_readable(file)) == 1);
    close(pair[0]);
    close(pair[1]);
    cases[0] = plait_on_time(plait_now() - 1); /* what is ready comes before what can never be */
    cases[1] = plait_on_readable(pair[0]);
    need(plait_select_cases(cases, 2, PLAIT_NEVER) == 0);
    cases[0] = plait_on_time(PLAIT_NEVER);
    need(plait_select_cases(cases, 2, PLAIT_NEVER) == -EBADF);
    need(cases[1].result == -EBADF && cases[0].result == -EAGAIN);
    close(file);
    return 0;
}

TEST_LIGHT(bad_and_odd_descriptors)
{
    crew_run(carrier, 1, odd_descriptors, NULL);
}

/* A number is closed after one select and is another file's in the next: what was registered for
 * the first file, which lives on under another number, tells nobody anything. */
static void select_both(int first, const int second[2])
{
    need(write(first, "x", 1) == 1);
    need(plait_select(plait_after(PLAIT_MILLISECOND / 5), plait_on_readable(second[0])) ==
         -ETIMEDOUT);
    need(write(second[1], "x", 1) == 1);
    need(plait_select(PLAIT_NEVER, plait_on_readable(second[0])) == 0);
}

static int use_numbers_again(void *arg)
{
    int again = 0;
    for (int i = 0; again < 20 && i < 1000; i++) {
        int first[2], second[2], kept;
        need(pipe(first) == 0);
        kept = dup(first[0]);
        need(plait_select(plait_after(PLAIT_MILLISECOND / 5), plait_on_readable(first[0])) ==
             -ETIMEDOUT);
        close(first[0]);
        need(pipe(second) == 0);
        if (second[0] == first[0]) { /* else the watcher had a file open just then */
            select_both(first[1], second);
            again++;
        }
        close(kept);
        close(first[1]);
        close(second[0]);
        close(second[1]);
    }
    need(again == 20);
    return 0;
}

TEST_LIGHT(numbers_used_again)
{
    one_worker();
    crew_run(carrier, 1, use_numbers_again, NULL);
}

/* Misuse that must not do harm to others: the number is closed while a select sleeps on it, and its
 * file, which lives on, becomes readable when the select is long over. */
TEST_LIGHT(late_news_is_harmless)
{
    struct crew crew;
    int pair[2], kept;
    ends(pair, false);
    kept = dup(pair[0]);
    struct waiting one = {
        .cases = {plait_on_readable(pair[0])}, .count = 1, .deadline = PLAIT_NEVER};
    begin(&crew, carrier, &one);
    close(pair[0]);
    plait_cancel(crew.task[0]);
    crew_join(&crew);
    ck_assert_int_eq(one.result, -EBADF); /* it looks once more before it says -ECANCELED */
    ck_assert_int_eq(write(pair[1], "x", 1), 1);
    ck_assert_int_eq(plait_sleep(plait_after(2 * PLAIT_MILLISECOND)), 0);
    close(kept);
    close(pair[1]);
}

/* The second case of one descriptor needs a number of its own, and there is none. */
static int without_a_number(void *arg)
{
    struct rlimit limit, low;
    int pair[2], next;
    need(pipe(pair) == 0);
    plait_case cases[] = {plait_on_readable(pair[0]), plait_on_readable(pair[0])};
    need(plait_select_cases(cases, 2, plait_after(PLAIT_MILLISECOND)) == -ETIMEDOUT);
    need(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    need((next = dup(pair[0])) >= 0);
    close(next);
    low = (struct rlimit){(rlim_t)next, limit.rlim_max};
    need(setrlimit(RLIMIT_NOFILE, &low) == 0);
    int rc = plait_select_cases(cases, 2, PLAIT_NEVER);
    int one = plait_select_cases(cases, 1, plait_after(PLAIT_MILLISECOND));
    need(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    need(rc == -EMFILE && one == -ETIMEDOUT);
    need(plait_select_cases(cases, 2, plait_after(PLAIT_MILLISECOND)) == -ETIMEDOUT);
    close(pair[0]);
    close(pair[1]);
    return 0;
}

TEST_LIGHT(no_number_left)
{
    one_worker();
    crew_run(carrier, 1, without_a_number, NULL);
}

/* ---- a line of pipes: each task waits for either of two, and hands on */

enum { PIPES = 8, ROUNDS = 300 };
static int pipes[PIPES][2];

static int hand_on(void *arg)
{
    int from = (int)(intptr_t)arg, spare[2];
    char byte;
    need(pipe(spare) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        int done = plait_select(PLAIT_NEVER, plait_on_readable(spare[0]),
                                plait_on_readable(pipes[from][0]));
        need(done == 1);
        need(read(pipes[from][0], &byte, 1) == 1);
        need(write(pipes[(from + 1) % PIPES][1], &byte, 1) == 1);
    }
    close(spare[0]);
    close(spare[1]);
    return 0;
}

TEST_CREW(a_ring_of_pipes)
{
    static const int kinds[3] = {PLAIT_THREAD, PLAIT_COROUTINE, 0};
    struct crew crew = {.count = 0};
    for (int i = 0; i < PIPES; i++)
        ck_assert_int_eq(pipe(pipes[i]), 0);
    for (int i = 0; i < PIPES; i++)
        crew_add(&crew, carrier == CREW_MIXED ? kinds[i % 3] : carrier, hand_on,
                 (void *)(intptr_t)i);
    ck_assert_int_eq(write(pipes[0][1], "x", 1), 1);
    crew_join(&crew);
    for (int i = 0; i < PIPES; i++) {
        close(pipes[i][0]);
        close(pipes[i][1]);
    }
}
