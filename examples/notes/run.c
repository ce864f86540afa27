/* A function with arguments in a task. Note S4-P1-run.
 *
 * Python: Process(target=run, args=(...)), start, join. The note writes `target=run()`: that runs
 * in the parent, the child gets None, does nothing and exits with 0. Here run(&args) is an int,
 * which the compiler does not take for a function; and a start of no function is an error, not a
 * success. */
#include "notes.h"

struct args {
    const char *name;
    int a, b;
};
static uint64_t first; /* the task that main runs in */

static int run(void *arg)
{
    const struct args *args = arg;
    bool own = plait_task_id(NULL) != first;
    printf("%s: %d * %d, in a task of %s\n", args->name, args->a, args->b,
           own ? "its own" : "main's");
    return args->a * args->b;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_PROCESS);
    first = plait_task_id(NULL);
    plait_task *task = NULL;
    int status = -1;
    struct args args = {"run", 6, 7};
    int rc = plait_start(&task, carrier, run, &args, NULL);
    if (rc == 0)
        rc = plait_join(task, &status, PLAIT_NEVER);
    printf("join: %s, it returned %d\n", code(rc), status);
    rc = plait_start(&task, carrier, NULL, &args, NULL);
    printf("start of nothing: %s, %s\n", code(rc), task == NULL ? "no handle" : "a handle");
}
