/* Three mirrors are asked for the same page; one is down. The first failure cancels the others, and
 * nobody is left behind. For threads or coroutines change one word. */
#include <plait.h>
#include <stdio.h>

static int ask(void *mirror)
{
    int number = (int)(long)mirror;
    if (number == 2)
        return printf("mirror 2: no answer\n"), 1;
    int rc = plait_sleep(plait_after(20 * PLAIT_SECOND));
    printf("mirror %d: %s\n", number, rc < 0 ? "not needed any more" : "has it");
    return rc;
}

int main(void)
{
    int rc;
    plait_scoped (plait_after(60 * PLAIT_SECOND), &rc)
        for (long i = 1; i <= 3; i++)
            plait_start(NULL, PLAIT_PROCESS, ask, (void *)i, NULL);
    printf("all are over, the result is %d\n", rc); /* behind the block: whatever happened inside */
}
