/* The fork server's own side: a loop in a new image, before main, with one thread. It holds nothing
 * of the program's but the socket: no terminal, no directory, so that it keeps nothing busy. */
#include "base/report.h"
#include "os/os.h"
#include "task/server.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static struct {
    int socket, program; /* the program's pidfd: for the children, whose watcher has it, too */
    int parent;          /* its pid */
    const char *name;
} serving;

/* In a child that is ready. */
static struct {
    struct serve_letter text;
    int descriptors[OS_DESCRIPTORS_MOST];
    int count;
} letter;

static bool letter_is_whole(int size)
{
    int wanted = SERVE_STANDARD + letter.text.count;
    for (int i = 0; i < 4; i++)
        wanted += letter.text.has[i] != 0;
    return size >= (int)offsetof(struct serve_letter, order) && letter.text.magic == IMAGE_MAGIC &&
           wanted == letter.count &&
           letter.text.order_size == (uint32_t)size - offsetof(struct serve_letter, order);
}

static void take_standard(int *next)
{
    for (int i = 0; i < 4; i++) {
        if (i < 3 && !letter.text.has[i])
            close(i);
        if (!letter.text.has[i])
            continue;
        int one = letter.descriptors[(*next)++];
        int rc = i < 3 ? dup2(one, i) : fchdir(one);
        if (rc < 0)
            _exit(127);
    }
}

static const struct image_order *take_order(int memory, void **page)
{
    const struct image_order *order = (const void *)letter.text.order;
    if (!letter.text.order_size)
        return image_map(memory, page);
    *page = os_map_file(memory, OS_PAGE);
    return *page && image_order_is_good(order, letter.text.order_size) ? order : NULL;
}

static _Noreturn void spare_becomes(void)
{
    int list[OS_DESCRIPTORS_MOST], next = SERVE_STANDARD, count = letter.text.count;
    void *page;
    take_standard(&next);
    memcpy(list, letter.descriptors + next, (size_t)count * sizeof *list);
    list[count + IMAGE_BELL] = letter.descriptors[SERVE_BELL];
    list[count + IMAGE_PARENT] = serving.program;
    list[count + IMAGE_ORDER] = letter.descriptors[SERVE_MEMORY];
    if (os_descriptors_place(list, count + IMAGE_OWN, true) < 0)
        _exit(127);
    const struct image_order *order = take_order(3 + count + IMAGE_ORDER, &page);
    if (!order)
        _exit(127);
    image_keep_own(order);
    if (!order->tied)
        os_outlive_parent();
    os_signal_mask_set(letter.text.mask);
    child_arrive(order, page, false);
}

/* In the child: it sleeps here until it is wanted. What each one does first is done now, because
 * every page that it touches costs it a fault. */
static _Noreturn void spare_waits(int socket)
{
    if (os_die_with_parent(serving.parent) < 0)
        _exit(127);
    os_close(serving.socket);
    os_thread_name(serving.name);
    child_warm_up();
    letter.count = OS_DESCRIPTORS_MOST;
    int size = os_message_receive(socket, &letter.text, sizeof letter.text, letter.descriptors,
                                  &letter.count, OS_NEVER);
    if (!letter_is_whole(size))
        _exit(0);
    spare_becomes();
}

/* Forks one and tells the program of it. */
static bool serve_spare(void)
{
    int ends[2], ready[2] = {-1, -1};
    struct serve_ready text = {os_message_pair(ends)};
    if (text.rc == 0) {
        ready[1] = ends[0];
        text.rc = fork_sibling(&ready[0]);
        if (text.rc == 0) {
            os_close(ends[0]);
            spare_waits(ends[1]);
        }
        os_close(ends[1]);
    }
    int rc = os_message_send(serving.socket, &text, sizeof text, ready, text.rc > 0 ? 2 : 0);
    os_close(ready[0]);
    os_close(ready[1]);
    return rc == 0;
}

/* Until another one is wanted; false: the program is gone, or wants no more. Not after a rest for the
 * child that was just taken, because that was tried, and made the next start wait. */
static bool serve_wanted(void)
{
    char more;
    int none = 0;
    return os_message_receive(serving.socket, &more, 1, NULL, &none, OS_NEVER) == 1;
}

_Noreturn void serve(const struct image_order *order)
{
    int own = image_first_own(order), nothing = os_open("/dev/null", O_RDWR | O_CLOEXEC, 0);
    os_signal_mask_set(UINT64_MAX); /* since Ctrl-C is for the program */
    serving.socket = own + IMAGE_BELL;
    serving.program = own + IMAGE_PARENT;
    serving.parent = order->parent;
    serving.name = program_invocation_short_name;
    os_close(own + IMAGE_ORDER);
    for (int i = 0; i < 3 && nothing >= 0; i++)
        dup2(nothing, i);
    os_close(nothing > 2 ? nothing : -1);
    if (chdir("/") < 0)
        _exit(127);
    os_thread_name("plait-server");
    child_prepare();
    while (serve_spare() && serve_wanted())
        ;
    _exit(0);
}

static void image_runs(const struct image_order *order, void *page)
{
    if (order->kind == IMAGE_SERVER)
        serve(order);
    child_arrive(order, page, true);
}

__attribute__((constructor(101))) static void serve_begin(void)
{
    image_main = image_runs;
}
