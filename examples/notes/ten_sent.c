/* Ten children, a list, join, one line more. Note S3-1-basic.
 *
 * Python: ten lines, then main's, because all are joined before it. (The note's print is a
 * syntax error.) */
#include "notes.h"

static int send_mail(void *number)
{
    printf("mail %ld sent\n", (long)number);
    return 0;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_PROCESS);
    plait_task *tasks[10];
    for (long i = 0; i < 10; i++)
        plait_start(&tasks[i], carrier, send_mail, (void *)i, NULL);
    for (int i = 0; i < 10; i++)
        plait_join(tasks[i], NULL, PLAIT_NEVER);
    printf("all sent\n");
}
