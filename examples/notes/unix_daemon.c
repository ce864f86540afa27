/* A daemon of Unix. Note S0-1.1-daemonproc.
 *
 * Python: a daemon child is only one that is not waited for at the end. A daemon of Unix is
 * something else: no terminal, no parent, outliving who started it. plait has both words: .daemon
 * of a start is Python's, .unix_daemon of its child options is this one. The task ends as soon as
 * the daemon runs. */
#include "notes.h"
#include <signal.h>

struct board {
    plait_event told;
    pid_t pid, session;
    bool no_output;
};

static int serve(void *arg)
{
    struct board *board = plait_inherited(0);
    board->pid = getpid();
    board->session = getsid(0);
    board->no_output = !isatty(1);
    plait_event_set(&board->told);
    return plait_sleep(PLAIT_NEVER);
}

int main(int argc, char **argv)
{
    plait_task *task;
    int status = 1;
    begin(argc, argv, PLAIT_PROCESS);
    struct board *board = plait_share(sizeof *board);
    plait_event_init(&board->told, PLAIT_SHARED);
    const plait_child_options child = {.unix_daemon = true};
    plait_start_options options = {.method = PLAIT_SPAWN, .child = &child};
    options.shared = (void *[]){board};
    options.shared_count = 1;
    plait_start(&task, PLAIT_PROCESS, serve, NULL, &options);
    plait_join(task, &status, PLAIT_NEVER);
    printf("started: %s\n", code(status));
    if (plait_event_wait(&board->told, in(100)) < 0)
        return 1;
    printf("%s session, %s it\n", board->session == getsid(0) ? "our" : "another",
           board->pid == board->session ? "leads" : "does not lead");
    printf("%s terminal\n", board->no_output ? "no" : "a");
    kill(board->pid, SIGKILL); /* it would outlive us */
    plait_share_free(board);
}
