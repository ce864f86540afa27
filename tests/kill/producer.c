/* Program 3 with its producer killed after each instruction, from its first put to the end of its
 * close: the consumer, in the only process that is left, must end, and have got whole items in
 * their order.
 *
 *     kill-producer [--full]      100 points, or all, as with PLAIT_LONG set */
#include "kill.h"
#include "os/os.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct common *common;
enum { ITEMS = 3, SKIPPED = 77 };

static int produce(void *queue)
{
    common->tid = (pid_t)os_tid();
    __atomic_store_n(&common->stage, STAGE_READY, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&common->go, __ATOMIC_ACQUIRE))
        os_relax();
    for (int i = 0; i < ITEMS && plait_put(queue, &i, PLAIT_NEVER) == 0; i++)
        ;
    int rc = plait_queue_close(queue);
    __atomic_store_n(&common->stage, STAGE_DONE, __ATOMIC_RELEASE);
    for (;;)
        os_relax();
    return rc;
}

static void never_blocks(void)
{
}

/* How the consumer's wait ended: -EPIPE, -EOWNERDEAD; else what is wrong. */
static int consume(plait_queue *queue)
{
    int item, rc;
    for (int i = 0; (rc = plait_get(queue, &item, plait_after(2 * PLAIT_SECOND))) == 0; i++)
        if (item != i)
            return -EILSEQ;
    return rc;
}

/* Steps so many instructions, then kills. How many it took to the end, 0: it was killed before. */
static int kill_after(int point)
{
    plait_queue *queue =
        plait_queue_open(sizeof(int), 4, &(plait_queue_options){.where = PLAIT_SHARED});
    plait_task *task;
    struct victim victim;
    int steps = 0;
    common->stage = STAGE_NONE;
    common->go = 0;
    if (!queue || plait_start(&task, PLAIT_PROCESS, produce, queue, NULL) != 0)
        exit(1);
    while (__atomic_load_n(&common->stage, __ATOMIC_ACQUIRE) != STAGE_READY)
        os_yield();
    if (!victim_seize(&victim, plait_task_pid(task), common->tid))
        exit(SKIPPED);
    __atomic_store_n(&common->go, 1, __ATOMIC_RELEASE);
    while (steps < point && __atomic_load_n(&common->stage, __ATOMIC_ACQUIRE) != STAGE_DONE &&
           victim_step(&victim, never_blocks))
        steps++;
    bool over = __atomic_load_n(&common->stage, __ATOMIC_ACQUIRE) == STAGE_DONE;
    victim_kill(&victim);
    int rc = consume(queue);
    if (rc != -EPIPE && rc != -EOWNERDEAD) {
        printf("BAD after instruction %d: %s\n", steps, plait_strerror(rc));
        exit(1);
    }
    (void)!plait_join(task, NULL, PLAIT_NEVER);
    plait_queue_free(queue);
    return over ? steps : 0;
}

int main(int argc, char **argv)
{
    common = plait_share(sizeof *common);
    if (!common)
        return 1;
    const char *wish = getenv("PLAIT_LONG");
    bool full = (argc > 1 && strcmp(argv[1], "--full") == 0) || (wish && *wish);
    int all = kill_after(1000000), stride = full ? 1 : all / 100 + 1, kills = 0;
    for (int point = 0; point <= all; point += stride, kills++)
        kill_after(point);
    printf("ok  producer: %d instructions, %d kills, its consumer ended each time\n", all, kills);
    return 0;
}
