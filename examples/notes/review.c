/* What a task is started with, and what it can be asked. Note S1-0-review.
 *
 * Python: Process(target, args, kwargs); start, join; name, pid (None before start), daemon,
 * is_alive. Here args and kwargs are one struct with names; a task exists from its start on, so
 * there is nothing to ask too early. */
#include "notes.h"

struct order {
    const char *what;
    int count;
    bool urgent; /* kwargs: left out means no */
};

static int serve(void *arg)
{
    const struct order *order = arg;
    printf("%d %s%s\n", order->count, order->what, order->urgent ? ", at once" : "");
    return plait_sleep(in(1));
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_PROCESS);
    struct order order = {"dumplings", .count = 3, .urgent = true};
    plait_task *task;
    int status = 1;
    plait_start(&task, carrier, serve, &order, &(plait_start_options){.name = "kitchen"});
    printf("name %s, daemon %d, alive %d\n", plait_task_name(task), plait_task_is_daemon(task),
           plait_is_alive(task));
    printf("pid %s\n", plait_task_pid(task) == getpid() ? "main's" : "its own");
    int rc = plait_join(task, &status, PLAIT_NEVER);
    printf("join %s, status %d\n", code(rc), status);
}
