/* A daemon and one that is waited for. Notes S0-2.4-daemon, S0-3.D-daemonthr.
 *
 * Python has two rules: a daemon process ends with main's code (at 3 s), a daemon thread when
 * the last other thread ended (at 5 s). plait has one for all carriers, the second: at its end
 * the program waits for what is no daemon, then stops the daemons. Whoever wants the first ends
 * the daemon as the last act of main, with plait_terminate. */
#include "notes.h"

static int func1(void *arg)
{
    do
        printf("%d s  func1\n", now());
    while (plait_sleep(in(1)) == 0);
    return 0;
}

static int func2(void *arg)
{
    for (int i = 0; i < 5; i++) {
        printf("%d s  func2 %d\n", now(), i);
        plait_sleep(in(1));
    }
    return 0;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_PROCESS);
    plait_start(NULL, carrier, func1, NULL, &(plait_start_options){.daemon = true});
    plait_start(NULL, carrier, func2, NULL, NULL);
    plait_sleep(in(3));
    printf("%d s  main's code ends\n", now());
}
