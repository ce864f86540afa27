/* What `n += 1` is made of. Note S0-3.L0-dis.
 *
 * Python: dis shows LOAD_GLOBAL, LOAD_CONST, INPLACE_ADD, STORE_GLOBAL; a switch between the
 * load and the store loses what the other wrote meanwhile. A C compiler makes the same load,
 * add, store. Events force the switch, so the loss is certain. */
#include "notes.h"

enum { ADD_HAS_READ, SUB_HAS_READ, ADD_HAS_WRITTEN, STEPS };
struct common {
    plait_event steps[STEPS];
    int n;
};
static struct common *common;

static void wait_for(int step)
{
    if (plait_event_wait(&common->steps[step], PLAIT_NEVER) < 0)
        exit(1);
}

static int add(void *arg)
{
    int own = common->n;
    printf("add: load %d\n", own);
    plait_event_set(&common->steps[ADD_HAS_READ]);
    wait_for(SUB_HAS_READ);
    common->n = own + 1;
    printf("add: add 1, store %d\n", own + 1);
    plait_event_set(&common->steps[ADD_HAS_WRITTEN]);
    return 0;
}

static int sub(void *arg)
{
    wait_for(ADD_HAS_READ);
    int own = common->n;
    printf("sub: load %d\n", own);
    plait_event_set(&common->steps[SUB_HAS_READ]);
    wait_for(ADD_HAS_WRITTEN);
    common->n = own - 1;
    printf("sub: add -1, store %d\n", own - 1);
    return 0;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    common = plait_share(sizeof *common);
    for (int step = 0; step < STEPS; step++)
        plait_event_init(&common->steps[step], PLAIT_SHARED);
    plait_start(NULL, carrier, add, NULL, NULL);
    plait_start(NULL, carrier, sub, NULL, NULL);
    int failed = plait_join_all(PLAIT_NEVER);
    printf("n = %d, not 0\n", common->n);
    return failed;
}
