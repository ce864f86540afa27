/* Spawn, join, join them all. Notes S0-4.1-spawn, S0-4.2-asyncio.
 *
 * gevent: patch_all() first, so that time.sleep yields; spawn, joinall: start, a second, end;
 * five together still take one second. asyncio: the same with `async`, `await` and a loop to
 * run. Here nothing is patched, coloured or run: any function may wait, also deep inside other
 * calls. */
#include "notes.h"

static void fetch(void)
{
    plait_sleep(in(1));
}

static int func(void *arg)
{
    printf("%d s  start %s\n", now(), (char *)arg);
    fetch();
    printf("%d s  end %s\n", now(), (char *)arg);
    return 0;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_COROUTINE);
    plait_task *task;
    plait_start(&task, carrier, func, "alone", NULL);
    plait_join(task, NULL, PLAIT_NEVER);
    for (int i = 0; i < 5; i++)
        plait_start(NULL, carrier, func, "together", NULL);
    int failed = plait_join_all(PLAIT_NEVER);
    printf("%d s  joined\n", now());
    return failed;
}
