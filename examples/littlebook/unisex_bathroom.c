/* Women and men share a bathroom for three, but never at the same time. A condition says it as it
 * is meant: wait until one may go in. So that a stream of one kind does not keep the other out, no
 * more than six of a kind go in a row while others wait. */
#include "book.h"

enum { EACH = 6, VISITS = 60, ROOM = 3, ROW = 6 };

static plait_lock lock;
static plait_condition changed;
static int inside[2], waiting[2], row[2], visits; /* all the lock's */

static bool may_enter(void *arg)
{
    int mine = (int)(intptr_t)arg, other = !mine;
    if (inside[other] || inside[mine] == ROOM)
        return false;
    return row[mine] < ROW || !waiting[other];
}

static void enter(intptr_t mine)
{
    waiting[mine]++;
    check(plait_condition_wait_for(&changed, &lock, may_enter, (void *)mine, PLAIT_NEVER) == 0);
    waiting[mine]--;
    inside[mine]++;
    row[!mine] = 0;
    row[mine] = waiting[!mine] ? row[mine] + 1 : 0;
    check(inside[!mine] == 0 && inside[mine] <= ROOM);
    check(row[mine] <= ROW);
}

static int visit(intptr_t mine)
{
    for (int i = 0; i < VISITS; i++) {
        plait_with (&lock)
            enter(mine);
        dawdle();
        plait_with (&lock) {
            check(inside[!mine] == 0);
            inside[mine]--;
            visits++;
            plait_condition_notify_all(&changed);
        }
        dawdle();
    }
    return 0;
}

static int be_woman(void *me)
{
    return visit(0);
}

static int be_man(void *me)
{
    return visit(1);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    start(EACH, be_woman);
    start(EACH, be_man);
    return end("unisex bathroom") || visits != 2 * EACH * VISITS;
}
