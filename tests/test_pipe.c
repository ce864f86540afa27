/* Pipes: whole messages, one way and two, private and shared. */
#include "crew.h"

#include <signal.h>
#include <string.h>

static const plait_pipe_options kinds[] = {
    {0},
    {.one_way = true},
    {.where = PLAIT_SHARED},
    {.where = PLAIT_SHARED, .one_way = true},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static void free_both(plait_pipe *ends[2])
{
    plait_pipe_free(ends[0]);
    plait_pipe_free(ends[1]);
}

TEST(messages_are_whole_and_in_order)
{
    for (int kind = 0; kind < KINDS; kind++) {
        plait_pipe *ends[2];
        char text[100];
        ck_assert_int_eq(plait_pipe_open(ends, &kinds[kind]), 0);
        for (int way = 0; way < (kinds[kind].one_way ? 1 : 2); way++) {
            plait_pipe *to = ends[way], *from = ends[1 - way];
            for (size_t size = 0; size < 100; size++) {
                memset(text, (int)size, sizeof text);
                ck_assert_int_eq(plait_pipe_send_bytes(from, text, size, PLAIT_NOW), 0);
            }
            for (size_t size = 0; size < 100; size++) {
                if (size)
                    ck_assert_int_eq(plait_pipe_receive_bytes(to, text, size - 1, PLAIT_NOW),
                                     -EMSGSIZE);
                ck_assert_int_eq(plait_pipe_receive_bytes(to, text, sizeof text, PLAIT_NOW),
                                 (ssize_t)size);
                for (size_t i = 0; i < size; i++)
                    ck_assert_int_eq(text[i], (char)size);
            }
            ck_assert_int_eq(plait_pipe_receive_bytes(to, text, 1, PLAIT_NOW), -EAGAIN);
            ck_assert_int_eq(plait_pipe_receive_bytes(to, text, 1, plait_after(PLAIT_MILLISECOND)),
                             -ETIMEDOUT);
        }
        free_both(ends);
    }
}

TEST(the_room_is_bounded)
{
    static char text[3000];
    for (int kind = 0; kind < KINDS; kind++) {
        plait_pipe_options options = kinds[kind];
        plait_pipe *ends[2];
        options.bytes = 4000;
        ck_assert_int_eq(plait_pipe_open(ends, &options), 0);
        ck_assert_int_eq(plait_pipe_send_bytes(ends[1], text, 4001, PLAIT_NOW), -EMSGSIZE);
        ck_assert_int_eq(plait_pipe_send_bytes(ends[1], text, 3000, PLAIT_NOW), 0);
        ck_assert_int_eq(plait_pipe_send_bytes(ends[1], text, 3000, PLAIT_NOW), -EAGAIN);
        ck_assert_int_eq(plait_pipe_receive_bytes(ends[0], text, 3000, PLAIT_NOW), 3000);
        ck_assert_int_eq(plait_pipe_send_bytes(ends[1], text, 3000, PLAIT_NOW), 0);
        ck_assert_int_eq(plait_pipe_receive_bytes(ends[0], text, 3000, PLAIT_NOW), 3000);
        free_both(ends);
    }
}

TEST(closed_is_drained_then_over)
{
    for (int kind = 0; kind < KINDS; kind++)
        for (int closer = 0; closer < 2; closer++) {
            plait_pipe *ends[2];
            int number = 5;
            ck_assert_int_eq(plait_pipe_open(ends, &kinds[kind]), 0);
            ck_assert_int_eq(plait_pipe_send(ends[1], &number, PLAIT_NOW), 0);
            plait_pipe_close(ends[closer]);
            plait_pipe_close(ends[closer]);
            ck_assert_int_eq(plait_pipe_send(ends[1], &number, PLAIT_NEVER), -EPIPE);
            number = 0;
            ck_assert_int_eq(plait_pipe_receive(ends[0], &number, PLAIT_NEVER), 0);
            ck_assert_int_eq(number, 5);
            ck_assert_int_eq(plait_pipe_receive(ends[0], &number, PLAIT_NEVER), -EPIPE);
            free_both(ends);
        }
}

TEST(freeing_a_private_end_closes_it)
{
    plait_pipe *ends[2];
    int number = 5;
    ck_assert_int_eq(plait_pipe_open(ends, NULL), 0);
    plait_pipe_free(ends[0]);
    ck_assert_int_eq(plait_pipe_send(ends[1], &number, PLAIT_NEVER), -EPIPE);
    plait_pipe_free(ends[1]);
    plait_pipe_free(NULL);
}

TEST(options_that_cannot_be)
{
    plait_pipe *ends[2] = {NULL, NULL};
    plait_pipe_options newer = {0};
    newer.reserved[3] = &newer;
    ck_assert_int_eq(plait_pipe_open(ends, &newer), -EINVAL);
    ck_assert_int_eq(plait_pipe_open(NULL, NULL), -EINVAL);
    ck_assert_int_eq(plait_pipe_open(ends, &(plait_pipe_options){.where = 9}), -EINVAL);
    ck_assert_int_eq(plait_pipe_open(ends, &(plait_pipe_options){.url = "what"}), -EINVAL);
    ck_assert_ptr_null(ends[0]);
}

static void send_the_wrong_way(void *end)
{
    int number = 1;
    (void)!plait_pipe_send((plait_pipe *)end, &number, PLAIT_NOW);
}

static void send_without_size(void *end)
{
    void *nothing = "x";
    (void)!plait_pipe_send((plait_pipe *)end, nothing, PLAIT_NOW);
}

static void receive_the_wrong_way(void *end)
{
    int number;
    (void)!plait_pipe_receive((plait_pipe *)end, &number, PLAIT_NOW);
}

TEST_LABELED(misuse_is_named, "process")
{
    plait_pipe *ends[2];
    ck_assert_int_eq(plait_pipe_open(ends, &kinds[1]), 0);
    harness_dies(send_the_wrong_way, ends[0], "only receives");
    harness_dies(receive_the_wrong_way, ends[1], "only sends");
    harness_dies(send_without_size, ends[1], "how many bytes");
    harness_dies(send_without_size, NULL, "NULL is no pipe");
    free_both(ends);
}

TEST(select_receives)
{
    plait_pipe *ends[2];
    int number = 5, got = 0;
    ck_assert_int_eq(plait_pipe_open(ends, NULL), 0);
    plait_case cases[] = {plait_on_receive_bytes(ends[0], &got, sizeof got),
                          plait_on_receive_bytes(ends[1], &got, sizeof got)};
    ck_assert_int_eq(plait_select_cases(cases, 2, PLAIT_NOW), -EAGAIN);
    ck_assert_int_eq(plait_pipe_send(ends[0], &number, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_select_cases(cases, 2, PLAIT_NEVER), 1);
    ck_assert_int_eq(cases[1].result, sizeof got);
    ck_assert_int_eq(got, 5);
    free_both(ends);
}

/* ---- between tasks */

enum { ROUNDS = 200 };

static int echo(void *arg)
{
    plait_pipe *end = arg;
    char text[300];
    ssize_t size;
    while ((size = plait_pipe_receive_bytes(end, text, sizeof text, PLAIT_NEVER)) >= 0)
        need(plait_pipe_send_bytes(end, text, (size_t)size, PLAIT_NEVER) == 0);
    return size != -EPIPE;
}

TEST_CARRIERS(there_and_back)
{
    plait_pipe *ends[2];
    plait_task *task;
    char out[300], in[300];
    int status = -1;
    ck_assert_int_eq(plait_pipe_open(ends, &(plait_pipe_options){.where = PLAIT_SHARED}), 0);
    ck_assert_int_eq(plait_start(&task, carrier, echo, ends[1], NULL), 0);
    for (int i = 0; i < ROUNDS; i++) {
        size_t size = (size_t)(i * 7 % 300);
        memset(out, i, sizeof out);
        ck_assert_int_eq(plait_pipe_send_bytes(ends[0], out, size, PLAIT_NEVER), 0);
        ck_assert_int_eq(plait_pipe_receive_bytes(ends[0], in, sizeof in, PLAIT_NEVER),
                         (ssize_t)size);
        ck_assert_mem_eq(in, out, size);
    }
    plait_pipe_close(ends[0]);
    ck_assert_int_eq(plait_join(task, &status, PLAIT_NEVER), 0);
    ck_assert_int_eq(status, 0);
    free_both(ends);
}

struct writer {
    plait_pipe *end;
    int number;
};

static int write_many(void *arg)
{
    struct writer *writer = arg;
    char text[200];
    for (int i = 0; i < ROUNDS; i++) {
        memset(text, writer->number, sizeof text);
        need(plait_pipe_send_bytes(writer->end, text, (size_t)(1 + i % 200), PLAIT_NEVER) == 0);
    }
    return 0;
}

/* Several writers at one end, in two processes and two carriers: messages never interleave. */
TEST_LABELED(writers_do_not_interleave, "process")
{
    static const plait_carrier carriers[] = {PLAIT_PROCESS, PLAIT_PROCESS, PLAIT_THREAD,
                                             PLAIT_COROUTINE};
    plait_pipe *ends[2];
    plait_task *tasks[4];
    struct writer writers[4];
    int counts[4] = {0};
    ck_assert_int_eq(
        plait_pipe_open(
            ends, &(plait_pipe_options){.where = PLAIT_SHARED, .one_way = true, .bytes = 2000}),
        0);
    for (int i = 0; i < 4; i++) {
        writers[i] = (struct writer){ends[1], i};
        ck_assert_int_eq(plait_start(&tasks[i], carriers[i], write_many, &writers[i], NULL), 0);
    }
    for (int i = 0; i < 4 * ROUNDS; i++) {
        char text[200];
        ssize_t size = plait_pipe_receive_bytes(ends[0], text, sizeof text, PLAIT_NEVER);
        ck_assert_int_gt(size, 0);
        int writer = text[0];
        ck_assert_int_eq(size, 1 + counts[writer]++ % 200);
        for (ssize_t k = 0; k < size; k++)
            ck_assert_int_eq(text[k], writer);
    }
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(plait_join(tasks[i], NULL, PLAIT_NEVER), 0);
    free_both(ends);
}

static int die(void *arg)
{
    return raise(SIGKILL);
}

static int leave(void *arg)
{
    return 0;
}

TEST_LABELED(a_receive_ends_when_the_other_end_is_gone, "process")
{
    plait_pipe *ends[2];
    plait_task *task;
    int got, number = 1;
    for (int killed = 0; killed < 2; killed++) {
        ck_assert_int_eq(plait_pipe_open(ends, &kinds[2]), 0);
        ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, killed ? die : leave, ends[1], NULL), 0);
        ck_assert_int_eq(plait_pipe_send(ends[0], &number, PLAIT_NOW), 0);
        ck_assert_int_eq(plait_pipe_receive(ends[0], &got, plait_after(5 * PLAIT_SECOND)),
                         killed ? -EOWNERDEAD : -EPIPE);
        ck_assert_int_eq(plait_join(task, NULL, PLAIT_NEVER), 0);
        free_both(ends);
    }
}

TEST(two_openers_meet_by_name)
{
    const plait_pipe_options named = {.url = harness_name("shm:test-pipe")};
    plait_pipe *one[2], *two[2];
    int number = 9, got = 0;
    ck_assert_int_eq(plait_pipe_open(one, &named), 0);
    ck_assert_int_eq(plait_pipe_open(two, &named), 0);
    ck_assert_int_eq(plait_pipe_send(one[1], &number, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_pipe_receive(two[0], &got, PLAIT_NOW), 0);
    ck_assert_int_eq(got, 9);
    free_both(one);
    free_both(two);
}
