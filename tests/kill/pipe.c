/* The shared pipe's cases: a message is whole or not there. Each way is a queue of messages, so the
 * queue's own cases say the rest. */
#include "kill.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static plait_pipe *ends[2];
static pid_t harness; /* its uses bring their own message along; the waiter's wait for one */

static void open_pipe(void)
{
    harness = getpid();
    if (plait_pipe_open(ends, &(plait_pipe_options){.where = PLAIT_SHARED, .bytes = 4096}))
        _exit(1);
}

/* As many bytes as each of them says, so that half a message would be seen. */
static int send_of(unsigned char size, int64_t deadline)
{
    unsigned char text[256];
    memset(text, size, size);
    return plait_pipe_send_bytes(ends[1], text, size, deadline);
}

static int receive_until(int64_t deadline)
{
    unsigned char text[256];
    ssize_t size = plait_pipe_receive_bytes(ends[0], text, sizeof text, deadline);
    for (ssize_t i = 0; i < size; i++)
        if (text[i] != size)
            return -EILSEQ;
    return size < 0 ? (int)size : 0;
}

static void send_one(void)
{
    if (send_of(200, PLAIT_NEVER))
        _exit(1);
}

static void receive_one(void)
{
    if (receive_until(PLAIT_NEVER))
        _exit(1);
}

static void register_thread(void)
{
    robust_tid();
}

static void fresh(void)
{
    while (receive_until(PLAIT_NOW) == 0)
        ;
}

static void fresh_with_one(void)
{
    fresh();
    send_one();
}

static void nothing(void)
{
}

/* One alone, because the victim may be stopped inside the lock that a second one needs. */
static void unblock(void)
{
    send_one();
}

static void rescue(void)
{
    (void)!send_of(3, PLAIT_NOW); /* full: there is enough */
}

static int use(int64_t deadline, int64_t *got_at)
{
    int rc = getpid() == harness ? send_of(100, deadline) : 0;
    if (rc == 0)
        rc = receive_until(deadline);
    *got_at = plait_now();
    return rc;
}

static const struct kill_noun empty = {.open = open_pipe,
                                       .fresh = fresh,
                                       .block = nothing,
                                       .unblock = unblock,
                                       .rescue = rescue,
                                       .use = use};
static const struct kill_noun with_one = {
    .open = open_pipe, .fresh = fresh_with_one, .rescue = rescue, .use = use};
#define CASE(text, of) .name = "pipe: " text, .noun = &of, .prepare = register_thread

const struct kill_case kill_pipe_cases[] = {
    {CASE("send", empty), .operate = send_one},
    {CASE("send to a waiter", empty), .operate = send_one, .waited = true},
    {CASE("receive", with_one), .operate = receive_one},
    {CASE("wait to receive", empty), .operate = receive_one, .contended = true,
     .patrol = PATROL_WOKEN},
    {0},
};
