/* The fork server, this program's side. A child is taken under one lock, which is held while the
 * kernel makes it, because a second starter would have to wait for that child, too. */
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
    int last;                 /* the child that was told of last */
    struct task_page *page;   /* shared with the server */
    int owes;                 /* children that were taken and not yet asked for anew */
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

/* Reaped by its number, because its pidfd did not come or found no room here: the other end of its
 * socket is closed, so that it ends at once. */
static void spare_lost(int pid)
{
    if (pid > 0)
        os_reap(pid);
}

/* 0, -ENOLINK: the server is gone, -errno */
static int spare_receive(struct spare *spare, int64_t deadline)
{
    struct serve_ready ready = {0};
    int count = SPARE_ALL;
    int rc = os_message_receive(server.socket, &ready, sizeof ready, spare->has, &count, deadline);
    if (rc == -EMFILE)
        spare_lost(server.last = ready.rc);
    if (rc == (int)sizeof ready && ready.rc < 0)
        return ready.rc;
    server.last = spare->pid = ready.rc;
    if (rc == (int)sizeof ready && count == SPARE_ALL)
        return 0;
    return rc == -EMFILE || rc == -ENFILE ? rc : -ENOLINK;
}

void spare_end(struct spare *spare)
{
    os_close(spare->has[SPARE_SOCKET]);
    os_close(spare->has[SPARE_PAGE]);
    os_close(spare->has[SPARE_BELL]);
    os_pidfd_end(spare->has[SPARE_PIDFD]);
}

struct task_page *spare_page(struct spare *spare)
{
    struct task_page *page = os_map_file(spare->has[SPARE_PAGE], OS_PAGE);
    os_close(spare->has[SPARE_PAGE]);
    spare->has[SPARE_PAGE] = -1;
    return page;
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
    if (server.page->forked != server.last) /* killed before it could tell */
        spare_lost(server.page->forked);
    os_unmap(server.page, OS_PAGE);
    os_close(server.watch.descriptor);
    os_close(server.socket);
    server.up = false;
}

static int server_execute(int socket)
{
    struct spawn spawn = {.request = {.kind = IMAGE_SERVER, .tied = true}};
    struct task_page *page;
    int memory = spawn_memory(&spawn.request, &page), own[IMAGE_OWN] = {socket, -1, memory};
    if (memory < 0)
        return memory;
    int rc = own[IMAGE_PARENT] = os_pidfd_open(getpid());
    if (rc >= 0)
        rc = spawn_image(&spawn, own, page, &server.watch.descriptor);
    os_close(own[IMAGE_PARENT]);
    os_close(memory);
    if (rc < 0)
        os_unmap(page, OS_PAGE);
    server.page = page;
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
    server.last = server.owes = 0;
    server.watch = (struct sched_watch){.descriptor = -1, .at = WAIT_NEVER, .told = server_told};
    rc = server_execute(ends[1]);
    os_close(ends[1]);
    server.watch.idle = true; /* plait_quiesce ends it before the watcher */
    if (rc >= 0 && (rc = sched_watch_add(&server.watch)) < 0) {
        os_pidfd_end(server.watch.descriptor);
        os_unmap(server.page, OS_PAGE);
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

static void letter_add(struct letter *letter, int descriptor)
{
    letter->descriptors[letter->count++] = descriptor;
}

static void letter_write(struct letter *letter, const struct spawn *spawn)
{
    struct serve_letter *text = &letter->text;
    *text = (struct serve_letter){
        .magic = IMAGE_MAGIC, .count = (uint16_t)spawn->count, .mask = os_signal_mask()};
    letter->count = spawn->count;
    memcpy(letter->descriptors, spawn->descriptors, (size_t)spawn->count * sizeof(int));
    if (spawn->order >= 0) {
        letter_add(letter, spawn->order);
    } else {
        text->order_size = (uint32_t)image_order_size(&spawn->request);
        image_order_write((void *)text->order, &spawn->request);
    }
    letter->directory = os_open(".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    for (int i = 0; i < 4; i++) {
        int one = i < 3 ? i : letter->directory;
        /* As exec would: one that closes on exec, and so any of plait's own, does not go over. */
        text->has[i] = i < 3 ? os_descriptor_stays(one) : one >= 0;
        if (text->has[i])
            letter_add(letter, one);
    }
}

/* Asks for other children: now, or where the kernel has no memory for it, later. Where the server
 * is gone the next receive tells it. */
static void server_ask(void)
{
    while (server.owes > 0 && os_message_send(server.socket, "", 1, NULL, 0) == 0)
        server.owes--;
}

/* A refusal may be from the time when the last children were taken, so it is asked for anew as
 * often as such ones can lie there. */
static int spare_take(struct spare *spare)
{
    int rc = -EAGAIN;
    for (int tries = 0; tries <= SERVE_READY && rc < 0 && rc != -ENOLINK && rc != -EMFILE;
         tries++) {
        server_ask();
        rc = spare_receive(spare, os_now() + PATIENCE);
        server.owes++; /* it is as good as taken */
    }
    return rc;
}

/* The server is executed anew when it is gone, or does not answer. */
int server_take(struct spare *spare)
{
    base_spin_lock(&server.lock);
    int rc = server_up();
    if (rc == 0 && (rc = spare_take(spare)) == -ENOLINK)
        server_down();
    base_spin_unlock(&server.lock);
    return rc;
}

/* One that died before it could read its letter is as good as none; what it died of is told to
 * nobody, because it was nobody's task. The server is asked last, because its fork would be in the
 * child's way. */
int server_send(struct spare *spare, const struct spawn *spawn)
{
    struct letter letter;
    letter_write(&letter, spawn);
    size_t size = offsetof(struct serve_letter, order) + letter.text.order_size;
    int rc = os_message_send(spare->has[SPARE_SOCKET], &letter.text, size, letter.descriptors,
                             letter.count);
    base_spin_lock(&server.lock);
    if (server.up)
        server_ask();
    base_spin_unlock(&server.lock);
    os_close(letter.directory);
    os_close(spare->has[SPARE_SOCKET]);
    spare->has[SPARE_SOCKET] = -1;
    if (rc < 0)
        return rc == -EPIPE || rc == -ECONNRESET ? -ENOLINK : rc;
    return spare->pid;
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
        os_unmap(server.page, OS_PAGE);
    }
    memset(&server, 0, sizeof server);
}
