/* A dump by a signal of the user's choice (PLAIT_DUMP_SIGNAL, plait_settings.dump_signal), for a
 * program that hangs. A thread of its own waits for the mark that the handler makes: the watcher
 * must take no lock of libc, and a worker may be what hangs. It stays until the program ends; a
 * child has one of its own. */
#include "base/report.h"
#include "base/settings.h"
#include "os/os.h"
#include "task/task.h"

#include <plait/error.h>
#include <plait/watch.h>

#include <errno.h>
#include <pthread.h>

static void dump_main(void *arg)
{
    for (uint32_t seen = 0;;) {
        seen = os_signal_wait(seen);
        plait_dump(2, true);
    }
}

static void dump_thread(void)
{
    int rc = os_thread_start(dump_main, NULL, 0, "plait-dump");
    if (rc < 0)
        base_warn("no thread for dumps by a signal: %s", plait_strerror(rc));
}

static void dump_by_signal(void)
{
    int number = base_settings()->dump_signal, rc;
    if (!number)
        return;
    if ((rc = os_signal_catch(number)) < 0) {
        base_warn("no dump by signal %d: %s", number,
                  rc == -EBUSY ? "the program has a handler for it" : "it cannot be caught");
        return;
    }
    dump_thread();
    if (pthread_atfork(NULL, NULL, dump_thread) != 0)
        base_warn("no dump by signal %d in forked children: no memory", number);
}

__attribute__((constructor(103))) static void signal_begin(void)
{
    task_first_use = dump_by_signal;
}
