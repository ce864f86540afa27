/* The recorder: a line for each start, switch, wait, wake and end.
 *
 * Addresses and clocks differ from run to run, so neither is written: objects are numbered as they
 * come up, and time counts from the record's start (virtual in deterministic mode). So the same
 * seed gives the same bytes. A line: nanoseconds, task, what, object number, number; separated by
 * tabs. */
#include "base/report.h"
#include "base/spin.h"
#include "os/os.h"
#include "task/task.h"

#include <plait/watch.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

enum { TRACE_BUFFER = 65536, TRACE_LINE = 160, TRACE_OBJECTS = 8192 };

static struct {
    base_spin lock; /* guards all below */
    int descriptor;
    bool prepared; /* for exit and fork */
    int64_t begin;
    size_t used;
    uint32_t objects;
    const void *object[TRACE_OBJECTS]; /* open addressing */
    uint32_t number[TRACE_OBJECTS];
    char text[TRACE_BUFFER];
} trace = {.descriptor = -1};

/* The object's number, from 1, by first appearance; 0: none, or the table is full. */
static uint32_t trace_number(const void *object)
{
    if (!object || trace.objects >= TRACE_OBJECTS * 3 / 4)
        return 0;
    uint64_t hash = (uintptr_t)object * UINT64_C(0x9e3779b97f4a7c15);
    for (uint32_t i = (uint32_t)(hash >> 51) % TRACE_OBJECTS;; i = (i + 1) % TRACE_OBJECTS) {
        if (trace.object[i] == object)
            return trace.number[i];
        if (!trace.object[i]) {
            trace.object[i] = object;
            return trace.number[i] = ++trace.objects;
        }
    }
}

static void trace_flush(void)
{
    os_write(trace.descriptor, trace.text, trace.used);
    trace.used = 0;
}

static void trace_line(const char *what, const void *object, int64_t number)
{
    struct wait_self *self = wait_current;
    const char *name = self ? record_name((struct task_record *)self) : "plait";
    int64_t now = wait_now();
    base_spin_lock(&trace.lock);
    if (trace.descriptor >= 0) {
        if (trace.used > TRACE_BUFFER - TRACE_LINE)
            trace_flush();
        trace.used += (size_t)base_format(trace.text + trace.used, TRACE_LINE,
                                          "%ld\t%s\t%s\t%u\t%ld\n", (long)(now - trace.begin), name,
                                          what, trace_number(object), (long)number);
    }
    base_spin_unlock(&trace.lock);
}

/* A child does not write into its parent's record: what lies in the buffer is the parent's line to
 * write, and its lock may be held by a thread that is not here. */
static void trace_after_fork(void)
{
    base_trace = NULL;
    trace.lock = (base_spin){0};
    os_close(trace.descriptor);
    trace.descriptor = -1;
    trace.used = 0;
}

/* 0, -ENOMEM. What stays of a half is harmless: a stop of nothing. */
static int trace_prepare_once(void)
{
    if (!trace.prepared)
        trace.prepared =
            atexit(plait_trace_stop) == 0 && pthread_atfork(NULL, NULL, trace_after_fork) == 0;
    return trace.prepared ? 0 : -ENOMEM;
}

int plait_trace_start(const char *path)
{
    if (!path)
        return -EINVAL;
    wait_me();
    int descriptor = os_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return descriptor;
    base_spin_lock(&trace.lock);
    int rc = trace.descriptor >= 0 ? -EBUSY : trace_prepare_once();
    if (rc == 0) {
        trace.descriptor = descriptor;
        trace.begin = wait_now();
        trace.used = trace.objects = 0;
        memset(trace.object, 0, sizeof trace.object);
        atom_store(&base_trace, trace_line, RELEASE);
    }
    base_spin_unlock(&trace.lock);
    if (rc < 0)
        os_close(descriptor);
    return rc;
}

void plait_trace_stop(void)
{
    base_spin_lock(&trace.lock);
    atom_store(&base_trace, NULL, RELAXED);
    if (trace.descriptor >= 0) {
        trace_flush();
        os_close(trace.descriptor);
        trace.descriptor = -1;
    }
    base_spin_unlock(&trace.lock);
}
