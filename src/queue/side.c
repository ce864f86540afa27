#include "queue/side.h"

void side_wake(struct queue_side *side, int count)
{
    wait_unpark_marking(&side->word, count, 0, QUEUE_W);
}
