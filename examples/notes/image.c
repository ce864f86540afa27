/* Three ways to make a process. Notes S0-1.1-process, S0-2.1.1-guard.
 *
 * Python: a spawned child imports the program anew, so all that is not behind
 * `if __name__ == "__main__"` runs twice, and a global that main has set is not set there. Here
 * main never runs twice and needs no guard; the same function serves all methods, with bytes as
 * its argument and shared memory by its number. */
#include "notes.h"

struct common {
    plait_lock lock;
    int children;
};
static int global = 1;

static int child(void *method)
{
    struct common *common = plait_inherited(0);
    plait_with (&common->lock)
        common->children++;
    printf("by %s: the global is %d\n", (char *)method, global);
    global = 9; /* nobody else sees it */
    return 0;
}

int main(int argc, char **argv)
{
    static const char methods[][12] = {"fork", "spawn", "fork server"};
    begin(argc, argv, PLAIT_PROCESS);
    struct common *common = plait_share(sizeof *common);
    plait_lock_init(&common->lock, PLAIT_SHARED);
    global = 7;
    for (int i = 0; i < 3; i++) {
        plait_start_options options = {.method = PLAIT_FORK + i,
                                       .arg_size = sizeof methods[i],
                                       .shared = (void *[]){common},
                                       .shared_count = 1};
        plait_start(NULL, PLAIT_PROCESS, child, (void *)methods[i], &options);
        if (plait_join_all(PLAIT_NEVER))
            return 1;
    }
    printf("main: the global is %d, %d children\n", global, common->children);
    plait_share_free(common);
}
