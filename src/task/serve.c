/* The fork server's own side: a loop in a new image, before main, with one thread. It holds nothing
 * of the program's but the socket: no terminal, no directory, so that it keeps nothing busy. */
#include "os/os.h"
#include "task/server.h"

#include <plait/error.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct letter {
    struct serve_request request;
    int descriptors[OS_DESCRIPTORS_MOST];
    int count;
};
static struct {
    int socket, program; /* the program's pidfd: for the children, whose watcher has it, too */
} serving;

static void take_standard(const struct letter *letter, int *next)
{
    for (int i = 0; i < 4; i++) {
        if (i < 3 && !letter->request.has[i])
            close(i);
        if (!letter->request.has[i])
            continue;
        int one = letter->descriptors[(*next)++];
        int rc = i < 3 ? dup2(one, i) : fchdir(one);
        if (rc < 0)
            _exit(127);
    }
}

/* In the child. `go` decides whether the program still wants it. */
static _Noreturn void server_child(const struct letter *letter, plait_function *function)
{
    const struct serve_request *request = &letter->request;
    uint32_t attempt = request->attempt << 1;
    int list[OS_DESCRIPTORS_MOST], next = SERVE_STANDARD, count = request->count;
    struct task_page *page;
    if (request->tied && os_die_with_parent(request->parent) < 0)
        _exit(127);
    take_standard(letter, &next);
    memcpy(list, letter->descriptors + next, (size_t)count * sizeof *list);
    list[count + IMAGE_BELL] = letter->descriptors[SERVE_BELL];
    list[count + IMAGE_PARENT] = serving.program;
    list[count + IMAGE_ORDER] = letter->descriptors[SERVE_MEMORY];
    if (os_descriptors_place(list, count + IMAGE_OWN, true) < 0)
        _exit(127);
    const struct image_order *order = image_map(3 + count + IMAGE_ORDER, (void **)&page);
    if (!order)
        _exit(127);
    image_keep_own(order);
    page->pid = getpid();
    if (!atom_cas(&page->go, &attempt, attempt | 1, ACQ_REL)) /* pairs with begun */
        _exit(0);
    os_signal_mask_set(request->mask);
    child_arrive(order, page, function, false);
}

static int answer(int socket, const struct letter *letter)
{
    struct serve_reply reply = {-PLAIT_EFUNCTION};
    plait_function *function = (plait_function *)image_function_find(&letter->request.function);
    int pidfd = -1;
    if (function)
        reply.rc = fork_sibling(&pidfd);
    if (reply.rc == 0)
        server_child(letter, function);
    int rc = os_message_send(socket, &reply, sizeof reply, &pidfd, reply.rc > 0);
    os_close(pidfd);
    return rc;
}

static bool is_whole(const struct letter *letter, int size)
{
    const struct serve_request *request = &letter->request;
    int wanted = SERVE_STANDARD + request->count;
    for (int i = 0; i < 4; i++)
        wanted += request->has[i] != 0;
    return size == (int)sizeof *request && request->magic == IMAGE_MAGIC && wanted == letter->count;
}

/* One request; false: the program is gone, or talks nonsense. */
static bool serve_one(void)
{
    static struct letter letter;
    letter.count = OS_DESCRIPTORS_MOST;
    int size = os_message_receive(serving.socket, &letter.request, sizeof letter.request,
                                  letter.descriptors, &letter.count, OS_NEVER);
    struct serve_reply reply = {size};
    bool goes_on = false;
    if (size == -EMFILE || size == -ENFILE)
        goes_on = os_message_send(serving.socket, &reply, sizeof reply, NULL, 0) == 0;
    else if (size > 0 && is_whole(&letter, size))
        goes_on = answer(serving.socket, &letter) == 0;
    for (int i = 0; i < letter.count; i++)
        os_close(letter.descriptors[i]);
    return goes_on;
}

_Noreturn void serve(const struct image_order *order)
{
    int own = image_first_own(order), nothing = os_open("/dev/null", O_RDWR | O_CLOEXEC, 0);
    os_signal_mask_set(UINT64_MAX); /* Ctrl-C is for the program */
    serving.socket = own + IMAGE_BELL;
    serving.program = own + IMAGE_PARENT;
    os_close(own + IMAGE_ORDER);
    for (int i = 0; i < 3 && nothing >= 0; i++)
        dup2(nothing, i);
    os_close(nothing > 2 ? nothing : -1);
    if (chdir("/") < 0)
        _exit(127);
    os_thread_name("plait-server");
    child_warm_up();
    while (serve_one())
        ;
    _exit(0);
}

static void image_runs(const struct image_order *order, void *page)
{
    if (order->kind == IMAGE_SERVER)
        serve(order);
    child_arrive(order, page, (plait_function *)image_function_find(&order->function), true);
}

__attribute__((constructor(101))) static void serve_begin(void)
{
    image_main = image_runs;
}
