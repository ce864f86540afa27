/* PLAIT_SPAWN, the parent's side: the order is written, and the watcher's thread executes the
 * image. That thread and no other, because the kernel ties a child to the thread that started it
 * (PDEATHSIG), and the watcher lives as long as there are children. */
#include "base/report.h"
#include "os/os.h"
#include "task/server.h"

#include <plait/error.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int add_descriptors(struct spawn *spawn, const int *descriptors, int count)
{
    if (count > OS_DESCRIPTORS_MOST - spawn->count - SERVE_OWN - IMAGE_OWN)
        return -EINVAL;
    for (int i = 0; i < count; i++)
        spawn->descriptors[spawn->count++] = descriptors[i];
    return 0;
}

static int add_handles(struct spawn *spawn, const plait_start_options *options)
{
    struct image_request *request = &spawn->request;
    for (int i = 0; i < options->shared_count; i++) {
        int descriptor = -EINVAL;
        if (options->shared[i] && image_hooks.describe)
            descriptor = image_hooks.describe(options->shared[i], &request->handles[i]);
        if (descriptor < 0)
            return descriptor;
        request->handle_count++;
        int rc = add_descriptors(spawn, &descriptor, 1);
        if (rc < 0)
            return rc;
    }
    return 0;
}

void spawn_sent(struct spawn *spawn, pid_t pid)
{
    for (int i = 0; i < spawn->request.handle_count; i++)
        image_hooks.sent(&spawn->request.handles[i], pid);
    os_close(spawn->order);
}

int spawn_memory(const struct image_request *request, struct task_page **page)
{
    size_t order = request ? image_order_size(request) : 0, size = OS_PAGE + order;
    int memory = request && !order ? -EINVAL : os_memfd("plait-task", size);
    if (memory < 0)
        return memory;
    char *start = os_map_file(memory, size);
    if (!start) {
        os_close(memory);
        return -ENOMEM;
    }
    *page = (void *)start;
    if (request) {
        image_order_write((void *)(start + OS_PAGE), request);
        os_unmap(start + OS_PAGE, order);
    }
    return memory;
}

/* Of the fork server's letter. */
static int order_prepare(struct spawn *spawn)
{
    struct task_page *page;
    size_t size = spawn->request.arg_size < SERVE_BRIEF ? image_order_size(&spawn->request) : 0;
    if (size && size <= SERVE_BRIEF)
        return 0;
    spawn->order = spawn_memory(&spawn->request, &page);
    if (spawn->order < 0)
        return spawn->order;
    os_unmap(page, OS_PAGE);
    return 0;
}

int spawn_prepare(struct spawn *spawn, struct task_record *record,
                  const plait_start_options *options)
{
    const plait_child_options *child = options->child;
    *spawn = (struct spawn){.options = options, .order = -1};
    spawn->request =
        (struct image_request){.kind = IMAGE_CHILD,
                               .task = record->id,
                               .arg = record->arg,
                               .arg_size = options->arg_size,
                               .child = child,
                               .tied = !options->untied && !(child && child->unix_daemon)};
    int rc = image_function_describe((void (*)(void))record->function, &spawn->request.function);
    if (rc == 0 && child)
        rc = add_descriptors(spawn, child->descriptors, child->descriptor_count);
    if (rc == 0)
        rc = add_handles(spawn, options);
    return rc == 0 && options->method == PLAIT_FORKSERVER ? order_prepare(spawn) : rc;
}

/* The environment with our variable before it; one block, to be given back. The fork server finds
 * all symbols at once, since each of its children would have to find them anew. */
static char **environment_with(const char *const *strings, bool now, char **number)
{
    size_t count = 0, room = sizeof IMAGE_VARIABLE + 24;
    while (strings && strings[count])
        count++;
    char **list = os_alloc((count + 3) * sizeof *list + room), **at = list;
    if (!list)
        return NULL;
    *at++ = (char *)(list + count + 3);
    *number = list[0] + sizeof IMAGE_VARIABLE - 1;
    memcpy(list[0], IMAGE_VARIABLE, sizeof IMAGE_VARIABLE);
    if (now)
        *at++ = (char *)IMAGE_BIND_NOW;
    if (count)
        memcpy(at, strings, count * sizeof *list);
    return list;
}

/* Done by the watcher's thread. */
struct execution {
    struct sched_watch watch;
    const struct os_image *image;
    uint32_t done;
    int rc, pidfd;
};

static void execution_told(struct sched_watch *watch, bool readable)
{
    struct execution *one = list_item(watch, struct execution, watch);
    sched_watch_done(watch);
    one->rc = os_image_start(one->image, &one->pidfd);
    atom_store(&one->done, 1, RELEASE);
    os_futex_wake(&one->done, 1, false);
}

static int execute(const struct os_image *image, int *pidfd)
{
    struct execution one = {
        .watch = {.descriptor = -1, .at = 0, .told = execution_told}, .image = image, .pidfd = -1};
    int rc = sched_watch_add(&one.watch);
    if (rc < 0)
        return rc;
    while (!atom_load(&one.done, ACQUIRE)) /* pairs with execution_told */
        os_futex_wait(&one.done, 0, false, OS_NEVER);
    *pidfd = one.pidfd;
    return one.rc;
}

int spawn_image(const struct spawn *spawn, const int *own, struct task_page *page, int *pidfd)
{
    const plait_child_options *child = spawn->request.child;
    const char *const *strings =
        child && child->environment ? child->environment : (const char *const *)environ;
    int list[OS_DESCRIPTORS_MOST], count = spawn->count;
    bool now = spawn->request.kind == IMAGE_SERVER && !getenv("LD_BIND_NOW");
    char *number, **environment = environment_with(strings, now, &number);
    if (!environment)
        return -ENOMEM;
    memcpy(list, spawn->descriptors, (size_t)count * sizeof *list);
    memcpy(list + count, own, IMAGE_OWN * sizeof *own);
    number += base_format(number, 12, "%d ", 3 + count + IMAGE_ORDER);
    struct os_image image = {
        .arguments = (char *[]){program_invocation_name, NULL},
        .environment = environment,
        .descriptors = list,
        .count = count + IMAGE_OWN,
        .change = child,
        .parent = spawn->request.tied ? getpid() : 0,
        .mask = os_signal_mask(),
        .pid_text = number,
        .error = &page->began,
    };
    int rc = execute(&image, pidfd);
    os_free(environment);
    return rc;
}
