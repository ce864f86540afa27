/* Two card readers for three cashiers, each a process. A cashier is killed with both readers in
 * hand: they come back, and who takes them next is told, so that it may reset them. */
#include <plait.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static plait_permits *readers;

static void reset(int units, void *unused)
{
    printf("%d readers were left in use: reset\n", units);
}

static int robbed(void *unused)
{
    int rc = plait_permits_acquire(readers, 2, PLAIT_NEVER);
    kill(getpid(), SIGKILL);
    return rc;
}

static int sell(void *unused)
{
    int rc = plait_permits_acquire(readers, 1, plait_after(10 * PLAIT_SECOND));
    if (rc != 0)
        return rc;
    puts("sold");
    plait_permits_release(readers, 1);
    return 0;
}

int main(void)
{
    plait_task *victim;
    int status = 0;
    plait_permits_options options = {.where = PLAIT_SHARED, .on_death = reset};
    setvbuf(stdout, NULL, _IOLBF, 0); /* otherwise the lines of several processes could mix */
    if ((readers = plait_permits_open(2, &options)) == NULL)
        return 1;
    if (plait_start(&victim, PLAIT_PROCESS, robbed, NULL, NULL) != 0 ||
        plait_join(victim, &status, PLAIT_NEVER) != 0 || plait_killed_by(status) != SIGKILL)
        return 1;
    int rc = plait_permits_acquire(readers, 2, PLAIT_NEVER);
    if (rc != 0)
        return 1;
    puts("both readers are here");
    plait_permits_release(readers, 2);
    for (int i = 0; i < 3; i++)
        plait_start(NULL, PLAIT_PROCESS, sell, NULL, NULL);
    int failed = plait_join_all(PLAIT_NEVER);
    plait_permits_free(readers);
    return failed;
}
