/* NAME SEEDS: runs once() under each seed, each in a child of its own. The first seed under which
 * it hangs is printed, status 1; other ends than by a hang that was told are status 2.
 * tests/seeds.py builds the programs with faults planted in the library, which must be found. */
#include <plait.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int once(void); /* how many tasks failed */

static int run(int seed)
{
    char text[16];
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        snprintf(text, sizeof text, "%d", seed);
        setenv("PLAIT_SEED", text, 1);
        if (!freopen("/dev/null", "w", stderr))
            _exit(2);
        exit(once());
    }
    return waitpid(pid, &status, 0) == pid ? status : -1;
}

int main(int count, char **words)
{
    int seeds = count > 1 ? atoi(words[1]) : 1000;
    for (int seed = 0; seed < seeds; seed++) {
        int status = run(seed);
        if (status == 0)
            continue;
        printf("PLAIT_SEED=%d: status %#x\n", seed, status);
        return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT ? 1 : 2;
    }
    return 0;
}
