/* Ten buyers, and the tickets are counted in a file. Notes S0-2.5.1-race, and with `lock`
 * S3-2-lock.
 *
 * Python: each buyer reads the file, the network is slow, each writes back one less: without a lock
 * all ten buy the only ticket. Here nobody writes before all ten have read, so that it goes wrong
 * always and not by luck; with the lock each sale is counted. The notes' writers truncate the file,
 * so that a reader can meet an empty one; a file that is renamed is whole at any moment. */
#include "notes.h"

enum { BUYERS = 10 };
static char path[64];
static struct office {
    plait_lock lock;
    plait_latch looking;
} * office;

static int look(void)
{
    int left = -1;
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return -1;
    if (fscanf(file, "%d", &left) != 1)
        left = -1;
    fclose(file);
    return left;
}

static int enter(int left, long buyer)
{
    char other[80];
    snprintf(other, sizeof other, "%s-%ld", path, buyer);
    FILE *file = fopen(other, "w");
    if (file == NULL || fprintf(file, "%d\n", left) < 0 || fclose(file) != 0)
        return 1;
    return rename(other, path);
}

static int sell(long buyer, int left)
{
    if (left <= 0)
        return printf("buyer %ld: sold out\n", buyer), 0;
    printf("buyer %ld: bought\n", buyer);
    return enter(left - 1, buyer);
}

static int buy_at_once(void *buyer)
{
    int left = look();
    printf("buyer %ld sees %d\n", (long)buyer, left);
    plait_latch_add(&office->looking, -1);
    int rc = plait_latch_wait(&office->looking, PLAIT_NEVER);
    return rc == 0 ? sell((long)buyer, left) : rc;
}

static int buy_in_turn(void *buyer)
{
    plait_with (&office->lock) {
        int left = look(), rc = plait_sleep(in(0.1));
        return rc == 0 ? sell((long)buyer, left) : rc;
    }
    return 1;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_PROCESS);
    bool in_turn = argc > 2;
    office = plait_share(sizeof *office);
    snprintf(path, sizeof path, "/tmp/plait-tickets-%d", (int)getpid());
    if (office == NULL || enter(in_turn ? BUYERS + 2 : 1, BUYERS) != 0)
        return 1;
    plait_lock_init(&office->lock, PLAIT_SHARED);
    plait_latch_init(&office->looking, BUYERS, PLAIT_SHARED);
    for (long i = 0; i < BUYERS; i++)
        plait_start(NULL, carrier, in_turn ? buy_in_turn : buy_at_once, (void *)i, NULL);
    int failed = plait_join_all(PLAIT_NEVER);
    printf("%d left\n", look());
    unlink(path);
    plait_share_free(office);
    return failed;
}
