/* The fork server, this program's side. Under one lock, which is held while the kernel makes a
 * child, because a second starter would have to wait for that child, too. */
#include "task/server.h"
#include "base/report.h"
#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#define PATIENCE INT64_C(10000000000) /* then a stopped one is killed */
enum { TRIES = 3 };

static struct {
    base_spin lock;
    bool up, owes;
    int socket;
    struct sched_watch watch; /* its pidfd */
    uint32_t gone;            /* set by the watcher, which does not take the lock */
} server;

/* Must not take the lock: it is on the watcher's thread, for which a starter that holds it may
 * wait. */
static void server_told(struct sched_watch *watch, bool readable)
{
    struct os_exit end;
    if (os_pidfd_reap(watch->descriptor, &end) == 0)
        return;
    sched_watch_done(watch);
    atom_store(&server.gone, 1, RELEASE);
    os_futex_wake(&server.gone, 1, false);
}

static void server_await_end(int64_t deadline)
{
    while (!atom_load(&server.gone, ACQUIRE) && os_now() < deadline) /* pairs with server_told */
        os_futex_wait(&server.gone, 0, false, deadline);
}

struct spare {
    int pid, pidfd, socket;
};

/* 0, -ENOLINK: the server is gone, -errno */
static int spare_receive(struct spare *spare, int64_t deadline)
{
    struct serve_ready ready = {0};
    int descriptors[2], count = 2;
    int rc = os_message_receive(server.socket, &ready, sizeof ready, descriptors, &count, deadline);
    if (rc == (int)sizeof ready && ready.rc < 0)
        return ready.rc;
    if (rc != (int)sizeof ready || count != 2)
        return rc == -EMFILE || rc == -ENFILE ? rc : -ENOLINK;
    *spare = (struct spare){ready.rc, descriptors[0], descriptors[1]};
    return 0;
}

static void spare_end(const struct spare *spare)
{
    os_close(spare->socket);
    os_pidfd_end(spare->pidfd);
}

/* It is asked first, because it may be about to tell of a child, which nobody would reap if nobody
 * knew of it, and is killed when it does not hear. */
static void server_down(void)
{
    struct spare spare;
    if (!server.up)
        return;
    os_message_end(server.socket);
    server_await_end(os_now() + PATIENCE / 10);
    os_pidfd_signal(server.watch.descriptor, SIGKILL);
    server_await_end(OS_NEVER);
    while (os_message_ready(server.socket) && spare_receive(&spare, OS_NEVER) == 0)
        spare_end(&spare);
    os_close(server.watch.descriptor);
    os_close(server.socket);
    server.up = false;
}

/* The memfd of an order without a task. */
static int order_of_server(const struct image_request *request, struct task_page **page)
{
    size_t size = OS_PAGE + image_order_size(request);
    int memory = os_memfd("plait-server", size);
    if (memory < 0)
        return memory;
    *page = os_map_file(memory, size);
    if (*page) {
        image_order_write((void *)((char *)*page + OS_PAGE), request);
        return memory;
    }
    os_close(memory);
    return -ENOMEM;
}

static int server_execute(int socket)
{
    struct spawn spawn = {.request = {.kind = IMAGE_SERVER, .tied = true}};
    size_t size = OS_PAGE + image_order_size(&spawn.request);
    struct task_page *page;
    int memory = order_of_server(&spawn.request, &page), own[IMAGE_OWN] = {socket, -1, memory};
    if (memory < 0)
        return memory;
    int rc = own[IMAGE_PARENT] = os_pidfd_open(getpid());
    if (rc >= 0)
        rc = spawn_image(&spawn, own, page, &server.watch.descriptor);
    os_close(own[IMAGE_PARENT]);
    os_close(memory);
    os_unmap(page, size);
    return rc;
}

static int server_up(void)
{
    int ends[2];
    if (server.up && !atom_load(&server.gone, ACQUIRE))
        return 0;
    server_down();
    int rc = os_message_pair(ends);
    if (rc < 0)
        return rc;
    server.gone = 0;
    server.owes = false;
    server.watch = (struct sched_watch){.descriptor = -1, .at = WAIT_NEVER, .told = server_told};
    rc = server_execute(ends[1]);
    os_close(ends[1]);
    server.watch.idle = true; /* plait_quiesce ends it before the watcher */
    if (rc >= 0 && (rc = sched_watch_add(&server.watch)) < 0) {
        os_pidfd_signal(server.watch.descriptor, SIGKILL);
        os_close(server.watch.descriptor);
    }
    server.socket = ends[0];
    server.up = rc >= 0;
    if (rc < 0)
        os_close(ends[0]);
    return rc < 0 ? rc : 0;
}

struct letter {
    struct serve_letter text;
    int descriptors[OS_DESCRIPTORS_MOST];
    int count, directory;
};

static void letter_write(struct letter *letter, const struct spawn *spawn, const int *own)
{
    struct serve_letter *text = &letter->text;
    text->magic = IMAGE_MAGIC;
    text->count = (uint16_t)spawn->count;
    text->mask = os_signal_mask();
    text->order_size = spawn->is_brief ? (uint32_t)image_order_size(&spawn->request) : 0;
    if (spawn->is_brief)
        image_order_write((void *)text->order, &spawn->request);
    letter->descriptors[SERVE_MEMORY] = own[IMAGE_ORDER];
    letter->descriptors[SERVE_BELL] = own[IMAGE_BELL];
    letter->count = SERVE_STANDARD;
    letter->directory = os_open(".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    for (int i = 0; i < 4; i++) {
        int one = i < 3 ? i : letter->directory;
        /* As exec would: one that closes on exec, and so any of plait's own, does not go over. */
        text->has[i] = i < 3 ? fcntl(one, F_GETFD) == 0 : one >= 0;
        if (text->has[i])
            letter->descriptors[letter->count++] = one;
    }
    memcpy(letter->descriptors + letter->count, spawn->descriptors,
           (size_t)spawn->count * sizeof(int));
    letter->count += spawn->count;
}

/* Asks for another child: now, or where the kernel has no memory for it, later. */
static void server_ask(void)
{
    int rc = os_message_send(server.socket, "", 1, NULL, 0);
    server.owes = rc < 0; /* where the server is gone the next receive tells it */
}

/* A child that is ready. The server is executed anew when it is gone, or does not answer. */
static int spare_take(struct spare *spare)
{
    int rc = server_up();
    if (rc < 0)
        return rc;
    if (server.owes)
        server_ask();
    rc = spare_receive(spare, os_now() + PATIENCE);
    if (rc == -ENOLINK)
        server_down();
    else if (rc < 0)
        server_ask(); /* since it is as good as taken */
    return rc;
}

/* One that died before it could read its letter is as good as none; what it died of is told to
 * nobody, because it was nobody's task. */
static int letter_send(const struct letter *letter, struct spare *spare)
{
    size_t size = offsetof(struct serve_letter, order) + letter->text.order_size;
    int rc = spare_take(spare);
    if (rc < 0)
        return rc;
    rc = os_message_send(spare->socket, &letter->text, size, letter->descriptors, letter->count);
    server_ask();
    if (rc < 0)
        spare_end(spare);
    else
        os_close(spare->socket);
    return rc == -EPIPE || rc == -ECONNRESET ? -ENOLINK : rc;
}

int server_fork(const struct spawn *spawn, const int *own, struct task_page *page, int *pidfd)
{
    struct letter letter;
    struct spare spare = {0};
    int rc = -ENOLINK;
    letter_write(&letter, spawn, own);
    base_spin_lock(&server.lock);
    for (int tries = 0; tries < TRIES && rc == -ENOLINK; tries++)
        rc = letter_send(&letter, &spare);
    base_spin_unlock(&server.lock);
    os_close(letter.directory);
    if (rc < 0)
        return rc == -ENOLINK ? -EAGAIN : rc;
    *pidfd = spare.pidfd;
    return spare.pid;
}

void server_end(void)
{
    base_spin_lock(&server.lock);
    server_down();
    base_spin_unlock(&server.lock);
}

/* Forgotten in a fork's child, because the server's children are the parent's. */
void server_after_fork(void)
{
    if (server.up) {
        os_close(server.socket);
        os_close(server.watch.descriptor);
    }
    memset(&server, 0, sizeof server);
}
