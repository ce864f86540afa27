/* Three smokers, each with plenty of one ingredient; an agent lays down the two others for one of
 * them. If the smokers took what they lack one by one, two could take one each and neither smoke.
 * So a pusher for each ingredient notes what lies there, and the second one wakes the smoker who
 * has the third. His call is an event that he takes: at most one is under way. */
#include "book.h"

enum { KINDS = 3, ROUNDS = 150 };

static plait_semaphore agent_may, laid[KINDS];
static plait_event call[KINDS];
static plait_lock table;
static bool lies[KINDS];                          /* the table's */
static int lacking, wanted[KINDS], smoked[KINDS]; /* of who has the turn */
static bool over;

static int push(void *me)
{
    int mine = (int)(intptr_t)me, a = (mine + 1) % KINDS, b = (mine + 2) % KINDS;
    for (;;) {
        down(&laid[mine]);
        if (over)
            return 0;
        plait_with (&table) {
            check(!lies[mine]);
            if (!lies[a] && !lies[b]) {
                lies[mine] = true;
                break;
            }
            int other = lies[a] ? a : b;
            lies[other] = false;
            plait_event_set(&call[KINDS - mine - other]);
        }
    }
}

static int smoke(void *me)
{
    int mine = (int)(intptr_t)me;
    for (;;) {
        check(plait_event_take(&call[mine], PLAIT_NEVER) == 0);
        if (over)
            return 0;
        check(lacking == mine);
        smoked[mine]++;
        dawdle();
        up(&agent_may, 1);
    }
}

static int lay(void *me)
{
    unsigned choice = 1;
    for (int i = 0; i < ROUNDS; i++) {
        down(&agent_may);
        choice = choice * 1664525u + 1013904223u;
        lacking = (int)((choice >> 16) % KINDS);
        wanted[lacking]++;
        up(&laid[(lacking + 1) % KINDS], 1);
        dawdle();
        up(&laid[(lacking + 2) % KINDS], 1);
    }
    down(&agent_may);
    over = true;
    for (int i = 0; i < KINDS; i++) {
        up(&laid[i], 1);
        plait_event_set(&call[i]);
    }
    return 0;
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    units(&agent_may, 1);
    start(KINDS, push);
    start(KINDS, smoke);
    start(1, lay);
    return end("cigarette smokers") || memcmp(wanted, smoked, sizeof wanted) != 0;
}
