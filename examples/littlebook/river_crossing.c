/* A boat takes four over the river, hackers and serfs, but never three of one kind with one of the
 * other. Who completes a crew is its captain: he has the turn until he has rowed, so that no other
 * crew boards. */
#include "book.h"

enum { EACH = 120, CREW = 4, BOATS = 2 * EACH / CREW };

static plait_semaphore turn, may_board[2];
static plait_barrier full;
static int waiting[2]; /* the turn's */
static int aboard[2], boats;

static void cast_off(void *unused)
{
    check(aboard[0] + aboard[1] == CREW);
    check(aboard[0] % 2 == 0);
}

static void call(int kind, int count)
{
    waiting[kind] -= count;
    up(&may_board[kind], count);
}

/* With the turn. True: the crew is complete, the caller is its captain and keeps the turn. */
static bool call_crew(int mine)
{
    int other = !mine;
    if (waiting[mine] == CREW) {
        call(mine, CREW);
        return true;
    }
    if (waiting[mine] == CREW / 2 && waiting[other] >= CREW / 2) {
        call(mine, CREW / 2);
        call(other, CREW / 2);
        return true;
    }
    up(&turn, 1);
    return false;
}

static int cross(int kind)
{
    dawdle();
    down(&turn);
    waiting[kind]++;
    bool captain = call_crew(kind);
    down(&may_board[kind]);
    __atomic_add_fetch(&aboard[kind], 1, __ATOMIC_RELAXED);
    check(plait_barrier_wait(&full, PLAIT_NEVER) >= 0);
    if (captain) {
        check(aboard[0] + aboard[1] == CREW);
        aboard[0] = aboard[1] = 0;
        boats++;
        up(&turn, 1);
    }
    return 0;
}

static int be_hacker(void *me)
{
    return cross(0);
}

static int be_serf(void *me)
{
    return cross(1);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    units(&turn, 1);
    check(plait_barrier_init(&full, CREW, PLAIT_PRIVATE) == 0);
    plait_barrier_action(&full, cast_off, NULL);
    for (int i = 0; i < EACH; i += 20) {
        start(20, be_hacker);
        start(20, be_serf);
    }
    return end("river crossing") || boats != BOATS;
}
