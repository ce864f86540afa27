/* Ping-pong through shared memory. Note S4-IPC6, the kind "shared memory".
 *
 * Two tasks read and write the same element; two semaphores say whose turn it is, because memory
 * alone tells nobody that it has changed. */
#include "notes.h"

enum { ROUNDS = 3 };
static plait_array *table;
static plait_semaphore *turn; /* [0] the ping's, [1] the pong's */

static int hit(int me, const char *name)
{
    long ball = 0;
    for (int i = 0; i < ROUNDS; i++) {
        int rc = plait_semaphore_acquire(&turn[me], 1, PLAIT_NEVER);
        if (rc != 0 || (rc = plait_array_get(table, 0, &ball)) != 0)
            return rc;
        ball++;
        printf("%s %ld\n", name, ball);
        if ((rc = plait_array_set(table, 0, &ball)) != 0)
            return rc;
        plait_semaphore_release(&turn[1 - me], 1);
    }
    return 0;
}

static int ping(void *arg)
{
    return hit(0, "ping");
}

static int pong(void *arg)
{
    return hit(1, "pong");
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_PROCESS);
    table = plait_array_open(sizeof(long), 1, &(plait_array_options){.where = PLAIT_SHARED});
    turn = plait_share(2 * sizeof *turn);
    if (table == NULL || turn == NULL)
        return 1;
    plait_semaphore_init(&turn[0], 1, 1, PLAIT_SHARED);
    plait_semaphore_init(&turn[1], 0, 1, PLAIT_SHARED);
    plait_start(NULL, carrier, ping, NULL, NULL);
    plait_start(NULL, carrier, pong, NULL, NULL);
    int failed = plait_join_all(PLAIT_NEVER);
    plait_array_free(table);
    plait_share_free(turn);
    return failed;
}
