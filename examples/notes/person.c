/* A task with fields of its own. Notes S0-2.1.2-subclass, S1-8-custom.
 *
 * Python: a subclass of Process or Thread, fields set after the base's __init__ (a name set
 * before it is lost in silence), `run` overridden. Here: a struct and the function that runs on
 * it; there is no order to get wrong. */
#include "notes.h"

struct person {
    const char *name;
    int age;
};

static int person_run(void *self)
{
    const struct person *person = self;
    printf("func: ppid %d, pid %d\n", getppid(), getpid());
    printf("func: %s %d\n", plait_task_name(NULL), person->age);
    return person->age;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_PROCESS);
    struct person jerry = {.name = "Jerry", .age = 18};
    plait_task *task;
    int age = 0;
    printf("main: ppid %d, pid %d\n", getppid(), getpid());
    plait_start(&task, carrier, person_run, &jerry, &(plait_start_options){.name = jerry.name});
    plait_join(task, &age, PLAIT_NEVER);
    printf("main: Jerry returned %d\n", age);
}
