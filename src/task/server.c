/* The fork server, this program's side. One request at a time, under a lock that is held while the
 * kernel makes the child: a second starter would wait for the same server anyhow. */
#include "task/server.h"
#include "base/report.h"
#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#define PATIENCE INT64_C(10000000000) /* then a stopped one is killed */

static struct {
    base_spin lock;
    bool up;
    int socket;
    struct sched_watch watch; /* its pidfd */
    uint32_t gone;            /* set by the watcher, which does not take the lock */
} server;

/* On the watcher's thread, for which a starter that holds the lock may be waiting. */
static void server_told(struct sched_watch *watch, bool readable)
{
    struct os_exit end;
    if (os_pidfd_reap(watch->descriptor, &end) == 0)
        return;
    sched_watch_done(watch);
    atom_store(&server.gone, 1, RELEASE);
    os_futex_wake(&server.gone, 1, false);
}

static void server_down(void)
{
    if (!server.up)
        return;
    os_pidfd_signal(server.watch.descriptor, SIGKILL);
    while (!atom_load(&server.gone, ACQUIRE)) /* pairs with server_told */
        os_futex_wait(&server.gone, 0, false, OS_NEVER);
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
    struct serve_request request;
    int descriptors[OS_DESCRIPTORS_MOST];
    int count, directory;
};

static void letter_write(struct letter *letter, const struct spawn *spawn, const int *own)
{
    letter->request = (struct serve_request){.magic = IMAGE_MAGIC,
                                             .mask = os_signal_mask(),
                                             .parent = getpid(),
                                             .count = (uint16_t)spawn->count,
                                             .tied = spawn->request.tied,
                                             .function = spawn->request.function};
    letter->descriptors[SERVE_MEMORY] = own[IMAGE_ORDER];
    letter->descriptors[SERVE_BELL] = own[IMAGE_BELL];
    letter->count = SERVE_STANDARD;
    letter->directory = os_open(".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    for (int i = 0; i < 4; i++) {
        int one = i < 3 ? i : letter->directory;
        letter->request.has[i] = one >= 0 && fcntl(one, F_GETFD) >= 0;
        if (letter->request.has[i])
            letter->descriptors[letter->count++] = one;
    }
    memcpy(letter->descriptors + letter->count, spawn->descriptors,
           (size_t)spawn->count * sizeof(int));
    letter->count += spawn->count;
}

/* The number that the answer's pidfd will have is kept free: out of descriptors is to be found out
 * before there is a child. */
static int exchange(struct letter *letter, int *pidfd)
{
    struct serve_reply reply = {0};
    int count = 1, room = os_dup(server.socket);
    if (room < 0)
        return room;
    int rc = os_message_send(server.socket, &letter->request, sizeof letter->request,
                             letter->descriptors, letter->count);
    os_close(room);
    if (rc < 0)
        return rc == -EPIPE || rc == -ECONNRESET ? -ENOLINK : rc;
    rc =
        os_message_receive(server.socket, &reply, sizeof reply, pidfd, &count, os_now() + PATIENCE);
    if (rc == (int)sizeof reply && (count == 1 || reply.rc < 0))
        return reply.rc;
    return -ENOLINK;
}

/* The answer is lost: has the child begun? Then it counts. */
static int begun(struct task_page *page, uint32_t attempt, int *pidfd)
{
    uint32_t none = attempt << 1;
    if (atom_cas(&page->go, &none, (attempt + 1) << 1, ACQ_REL)) /* pairs with server_child */
        return -ENOLINK;
    *pidfd = os_pidfd_open(page->pid);
    if (*pidfd >= 0)
        return page->pid;
    kill(page->pid, SIGKILL);
    return *pidfd;
}

int server_fork(const struct spawn *spawn, const int *own, struct task_page *page, int *pidfd)
{
    struct letter letter;
    int rc = -ENOLINK;
    letter_write(&letter, spawn, own);
    base_spin_lock(&server.lock);
    for (uint32_t attempt = 1; attempt <= 2 && rc == -ENOLINK; attempt++) {
        atom_store(&page->go, attempt << 1, RELEASE);
        letter.request.attempt = attempt;
        if ((rc = server_up()) < 0)
            break;
        rc = exchange(&letter, pidfd);
        if (rc == -ENOLINK) {
            server_down();
            rc = begun(page, attempt, pidfd);
        }
    }
    base_spin_unlock(&server.lock);
    os_close(letter.directory);
    return rc == -ENOLINK ? -EAGAIN : rc;
}

void server_end(void)
{
    base_spin_lock(&server.lock);
    server_down();
    base_spin_unlock(&server.lock);
}

/* In a fork's child: the server is the parent's. */
void server_after_fork(void)
{
    if (server.up) {
        os_close(server.socket);
        os_close(server.watch.descriptor);
    }
    memset(&server, 0, sizeof server);
}
