/* The fork server's own side: a loop in a new image, before main, with one thread. It holds nothing
 * of the program's but the socket: no terminal, no directory, so that it keeps nothing busy. */
#include "base/report.h"
#include "os/os.h"
#include "task/server.h"

#include <errno.h>
#include <unistd.h>

static struct {
    int socket, program; /* the program's pidfd: for the children, whose watcher has it, too */
    int parent;          /* its pid */
    const char *name;
    struct task_page *page; /* shared with the program */
} serving;

/* In a child that is ready. */
static struct {
    struct serve_letter text;
    int descriptors[OS_DESCRIPTORS_MOST];
    int count;
} letter;

static bool letter_is_whole(int size)
{
    int wanted = letter.text.count + !letter.text.order_size;
    for (int i = 0; i < 4; i++)
        wanted += letter.text.has[i] != 0;
    return size >= (int)offsetof(struct serve_letter, order) && letter.text.magic == IMAGE_MAGIC &&
           wanted == letter.count &&
           letter.text.order_size == (uint32_t)size - offsetof(struct serve_letter, order);
}

static void take_standard(const int *from)
{
    for (int i = 0; i < 4; i++) {
        if (i < 3 && !letter.text.has[i])
            os_close(i);
        if (!letter.text.has[i])
            continue;
        int rc = i < 3 ? dup2(*from, i) : fchdir(*from);
        if (rc < 0)
            _exit(127);
        os_close(*from++);
    }
}

static const struct image_order *take_order(int *next)
{
    const struct image_order *order = (const void *)letter.text.order;
    if (letter.text.order_size)
        return image_order_is_good(order, letter.text.order_size) ? order : NULL;
    int file = letter.descriptors[(*next)++];
    order = image_map(file, NULL);
    os_close(file);
    return order;
}

/* The user's come to stand at 3, 4 ..., and plait's own behind them. Where the user has none they
 * stay where they are. */
static void place_own(const struct image_order *order, int *own, int bell)
{
    int list[OS_DESCRIPTORS_MOST], users = order->descriptors, count = letter.text.count;
    memcpy(list, letter.descriptors, (size_t)count * sizeof *list);
    list[count + IMAGE_BELL] = bell;
    list[count + IMAGE_PARENT] = serving.program;
    count += IMAGE_ORDER;
    if (users) {
        if (os_descriptors_place(list, count, true) < 0)
            _exit(127);
        for (int i = 0; i < count; i++)
            list[i] = 3 + i;
        for (int i = users; i < count; i++)
            os_descriptor_keep(list[i], false);
    }
    memcpy(own, list + users, (size_t)(count - users) * sizeof *own);
}

static _Noreturn void spare_becomes(struct task_page *page, int bell)
{
    int next = letter.text.count, own[IMAGE_HANDLES_MOST + IMAGE_OWN];
    const struct image_order *order = take_order(&next);
    if (!order || order->descriptors + order->handles != letter.text.count)
        _exit(127);
    take_standard(letter.descriptors + next);
    place_own(order, own, bell);
    if (!order->tied)
        os_outlive_parent();
    os_signal_mask_set(letter.text.mask);
    child_arrive(order, page, own, false);
}

/* In the child: it sleeps here until it is wanted. What each one does first is done now, because
 * every page that it touches costs it a fault. The socket stays open, since a close of one has the
 * kernel look for lost ones. */
static _Noreturn void spare_waits(int socket, int memory, int bell)
{
    struct task_page *page = os_map_file(memory, OS_PAGE);
    if (!page || os_die_with_parent(serving.parent) < 0)
        _exit(127);
    os_give_way(false);
    os_close(memory);
    os_close(serving.socket);
    os_thread_name(serving.name);
    child_warm_up(page);
    letter.count = OS_DESCRIPTORS_MOST;
    int size = os_message_receive(socket, &letter.text, sizeof letter.text, letter.descriptors,
                                  &letter.count, OS_NEVER);
    if (!letter_is_whole(size))
        _exit(size == 0 ? 0 : 127);
    spare_becomes(page, bell);
}

/* 0 or -errno; `spare`: the parent's ends, `socket`: the child's */
static int spare_prepare(int *spare, int *socket)
{
    int ends[2], rc = os_message_pair(ends);
    if (rc < 0)
        return rc;
    spare[SPARE_SOCKET] = ends[0];
    *socket = ends[1];
    rc = spare[SPARE_PAGE] = os_memfd("plait-task", OS_PAGE);
    if (rc >= 0)
        rc = spare[SPARE_BELL] = os_event_open();
    return rc < 0 ? rc : 0;
}

/* Forks one and tells the program of it. */
static bool serve_spare(void)
{
    int spare[SPARE_ALL] = {-1, -1, -1, -1}, socket = -1;
    struct serve_ready text = {spare_prepare(spare, &socket)};
    if (text.rc == 0 && (text.rc = fork_sibling(&spare[SPARE_PIDFD], &serving.page->forked)) == 0) {
        os_close(spare[SPARE_SOCKET]);
        spare_waits(socket, spare[SPARE_PAGE], spare[SPARE_BELL]);
    }
    int rc =
        os_message_send(serving.socket, &text, sizeof text, spare, text.rc > 0 ? SPARE_ALL : 0);
    serving.page->forked = 0;
    os_close(socket);
    for (int i = 0; i < SPARE_ALL; i++)
        os_close(spare[i]);
    return rc == 0;
}

/* Until another one is wanted; false: the program is gone, or wants no more. Not after a rest for
 * the child that was just taken, because that was tried, and made the next start wait. */
static bool serve_wanted(void)
{
    char more;
    int none = 0;
    return os_message_receive(serving.socket, &more, 1, NULL, &none, OS_NEVER) == 1;
}

static _Noreturn void serve(const struct image_order *order, struct task_page *page)
{
    int own = image_first_own(order);
    os_signal_mask_set(UINT64_MAX); /* since Ctrl-C is for the program */
    serving.socket = own + IMAGE_BELL;
    serving.program = own + IMAGE_PARENT;
    serving.page = page;
    serving.parent = order->parent;
    serving.name = program_invocation_short_name;
    os_close(own + IMAGE_ORDER);
    os_descriptors_silence();
    if (chdir("/") < 0)
        _exit(127);
    os_thread_name("plait-server");
    child_prepare();
    os_give_way(true);
    bool there = true;
    for (int i = 0; there; i++)
        there = (i < SERVE_READY || serve_wanted()) && serve_spare();
    _exit(0);
}

static void image_runs(const struct image_order *order, void *page)
{
    int own[IMAGE_HANDLES_MOST + IMAGE_OWN];
    if (order->kind == IMAGE_SERVER)
        serve(order, page);
    for (int i = 0; i < order->handles + IMAGE_OWN; i++)
        own[i] = 3 + order->descriptors + i;
    child_arrive(order, page, own, true);
}

__attribute__((constructor(101))) static void serve_begin(void)
{
    image_main = image_runs;
}
