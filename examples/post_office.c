/* One clerk, two windows: a select takes whoever comes first, and the clerk goes home when the
 * office closes. The queues have no room, so a visitor waits until the clerk has what it brings.
 * For coroutines change one word. */
#include <plait.h>
#include <stdio.h>

static plait_queue *letters, *parcels;
static plait_event closing;

static int visit(void *window)
{
    for (int n = 1; n <= 3; n++)
        if (plait_put((plait_queue *)window, &n, PLAIT_NEVER) != 0)
            return 1;
    return 0;
}

static int clerk(void *unused)
{
    for (int n;;)
        switch (plait_select(PLAIT_NEVER, plait_on_get(letters, &n), plait_on_get(parcels, &n),
                             plait_on_event(&closing))) {
        case 0:
            printf("letter %d\n", n);
            break;
        case 1:
            printf("parcel %d\n", n);
            break;
        default:
            return puts("closed") < 0;
        }
}

int main(void)
{
    plait_task *one;
    letters = plait_queue_open(sizeof(int), 0, NULL);
    parcels = plait_queue_open(sizeof(int), 0, NULL);
    if (plait_start(&one, PLAIT_THREAD, clerk, NULL, NULL) != 0)
        return 1;
    plait_start(NULL, PLAIT_THREAD, visit, letters, NULL);
    plait_start(NULL, PLAIT_THREAD, visit, parcels, NULL);
    int failed = plait_join_all(PLAIT_NEVER);
    plait_event_set(&closing);
    plait_join(one, NULL, PLAIT_NEVER);
    plait_queue_free(letters);
    plait_queue_free(parcels);
    return failed;
}
