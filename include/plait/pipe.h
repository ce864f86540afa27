/* plait/pipe.h - whole messages between two ends, one way or two. Include <plait.h>.
 *
 * What is sent at one end is received at the other: each message whole, as it was sent, in order.
 * Any number of tasks may send at one end at once, and their messages never interleave; any number
 * may receive, and each message goes to one of them.
 *
 * Example:
 *     int answer(void *arg)
 *     {
 *         plait_pipe *end = (plait_pipe *)arg;
 *         for (int number; plait_pipe_receive(end, &number, PLAIT_NEVER) == 0;) {
 *             long square = (long)number * number;
 *             if (plait_pipe_send(end, &square, PLAIT_NEVER) != 0)
 *                 break;
 *         }
 *         return 0;
 *     }
 *     int ask(void)
 *     {
 *         plait_pipe *ends[2];
 *         int rc = plait_pipe_open(ends, &(plait_pipe_options){.where = PLAIT_SHARED}), seven = 7;
 *         if (rc != 0)
 *             return rc;
 *         plait_start(NULL, PLAIT_PROCESS, answer, ends[1], NULL);
 *         long square;
 *         if (plait_pipe_send(ends[0], &seven, PLAIT_NEVER) == 0 &&
 *             plait_pipe_receive(ends[0], &square, PLAIT_NEVER) == 0)
 *             printf("%ld\n", square);
 *         plait_pipe_close(ends[0]);
 *         rc = plait_join_all(PLAIT_NEVER);
 *         plait_pipe_free(ends[0]);
 *         plait_pipe_free(ends[1]);
 *         return rc;
 *     }
 *
 * Each way is a queue of messages, so what queue.h and queue_shared.h say holds here: what a killed
 * process was sending is whole or not there, and a wait that nobody alive can end, ends. A child of
 * a fork has both ends; what it does not use it may leave, or free, which tells that this process
 * will neither send nor receive there. Unrelated processes meet by a URL, and each of them has both
 * ends, too. At most 4,096 messages lie in one way. Opaque. Since 0.1. */
#ifndef PLAIT_PIPE_H
#define PLAIT_PIPE_H
#include <plait/queue.h>
#include <plait/select.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct plait_pipe plait_pipe;
/* Zeroes are the defaults; so is NULL for all of it. */
typedef struct plait_pipe_options {
    const char *name;  /* for messages and the dump; copied */
    plait_where where; /* PLAIT_PRIVATE; PLAIT_SHARED: this process and its later children */
    const char *url;   /* "shm:NAME": unrelated processes */
    bool one_way;      /* ends[0] receives, ends[1] sends */
    size_t bytes;      /* room of each way; 1 MB */
    PLAIT_OPTIONS(plait_pipe_options)
} plait_pipe_options;

/* Makes a pipe.
 *   ends     both are written; plait_pipe_free gives each back
 *   returns  0
 *   errors   -EINVAL, -ENOMEM; shared: also what plait_queue_open tells (queue_shared.h). Then
 *            *ends is untouched
 *   blocks   never */
int plait_pipe_open(plait_pipe *ends[2], const plait_pipe_options *options);

#define plait_pipe_send(end, item, deadline)                                                       \
    plait_pipe_send_bytes(end, item, PLAIT_SIZE_OF(item), deadline)
#define plait_pipe_receive(end, item, deadline)                                                    \
    plait_zero_(plait_pipe_receive_bytes(end, item, PLAIT_SIZE_OF(item), deadline))

/* Sends a message: what plait_pipe_send calls.
 *   size     bytes of *data; 0 is a message, too
 *   returns  0: it is in, and the data is yours to use again
 *   errors   -EAGAIN (PLAIT_NOW and full), -EPIPE (either end is closed), -EMSGSIZE (larger than
 *            the room), -ENOMEM, -ETIMEDOUT, -ECANCELED; shared: -EOWNERDEAD, -PLAIT_EFORMAT
 *   misuse   an end that only receives; a void pointer without a size; private: in a child that was
 *            forked after the open
 *   blocks   while there is no room */
PLAIT_MUST_USE int plait_pipe_send_bytes(plait_pipe *end, const void *data, size_t size,
                                         int64_t deadline);

/* Receives the next message: what plait_pipe_receive calls, which turns the size into 0.
 *   size     bytes that fit into *buffer
 *   returns  the size of the message
 *   errors   -EAGAIN (PLAIT_NOW and empty), -EPIPE (empty, and either end is closed), -EMSGSIZE
 *            (the next one is larger, and stays), -ETIMEDOUT, -ECANCELED; shared: -EOWNERDEAD,
 *            -PLAIT_EFORMAT
 *   misuse   an end that only sends; as plait_pipe_send_bytes
 *   blocks   while it is empty and open */
PLAIT_MUST_USE ssize_t plait_pipe_receive_bytes(plait_pipe *end, void *buffer, size_t size,
                                                int64_t deadline);

/* Receives a message, as a case of plait_select (case.h).
 *   returns  the case; done, its result is the message's size
 *   errors   none; select itself ends with -EPIPE when the pipe is closed and empty
 *   misuse   as plait_pipe_receive_bytes
 *   blocks   never */
plait_case plait_on_receive_bytes(plait_pipe *end, void *buffer, size_t size);

/* This end is over, for all processes: sends at either end return -EPIPE, receives take what is
 * left and then return -EPIPE.
 *   errors   none; never -ECANCELED
 *   misuse   as plait_pipe_send_bytes
 *   blocks   never */
void plait_pipe_close(plait_pipe *end);

/* Gives this process' end back; NULL is allowed. A private one is closed first. A shared one goes
 * on for the others: when the last other process has gone, or has freed both ends, waits end as
 * told above.
 *   errors   none
 *   misuse   somebody waits on it: names who
 *   blocks   never */
void plait_pipe_free(plait_pipe *end);

#ifdef __cplusplus
}
#endif
#endif
