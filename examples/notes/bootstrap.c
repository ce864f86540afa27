/* A start while a new image is still starting itself. Note S0-2.1.1-winboot.
 *
 * Python: a spawned child runs the module's top level; an unguarded start there is a RuntimeError
 * about the bootstrapping phase. In C the top level is a constructor. In the program itself it may
 * start what it likes; in the new image the same line is refused, otherwise each image would make
 * the next one for ever. */
#include "notes.h"

static int child(void *arg)
{
    puts("the child runs");
    return 0;
}

__attribute__((constructor)) static void before_main(void)
{
    plait_task *task;
    int rc = plait_start(&task, PLAIT_PROCESS, child, NULL,
                         &(plait_start_options){.method = PLAIT_SPAWN});
    if (rc == 0)
        rc = plait_join(task, NULL, PLAIT_NEVER);
    printf("constructor: %s\n", rc == -EBUSY ? "-EBUSY" : code(rc));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    begin(argc, argv, PLAIT_PROCESS);
    puts("main runs, once");
}
