/* The fork server: one image of this program executed anew, with one thread, that starts children.
 *
 * Who needs processes of it calls plait_start with PLAIT_FORKSERVER; .arg_size, .shared and
 * .child->descriptors are what crosses. Contract:
 *   - children are children of this program (CLONE_PARENT), not of the server, so that getppid,
 *     pidfd and reaping are those of a fork, and the server's death does them no harm
 *   - the server keeps SERVE_READY children ready, which sleep in a receive; a start is one message
 *     to one of them, with a socket of its own, and costs the same whatever the size and the
 *     threads of this program. The next one is forked meanwhile. (After Android's zygote, whose
 *     pool of unspecialized processes does the same.) The first start in a program executes the
 *     server too
 *   - killed, it is executed anew by the next start; plait_quiesce ends it
 *   - globals are those of a new image after its constructors; 0, 1, 2 and the directory are those
 *     of this program at the start, the environment is that of the server's start
 *   - a tied child dies by PDEATHSIG with the watcher's thread of this program, which executed the
 *     server and lives as long as there are children
 *
 * Messages: the server tells of each child that is ready (serve_ready with SPARE_ALL descriptors,
 * among them its control page and bell, so that a start need not make them); what the child is to
 * be goes to its socket (serve_letter with the descriptors); then the program asks for another
 * child (one byte). Whoever finds the other end closed ends. Sockets that several children in turn
 * wait at were tried: the next child may take the letter of the one before it. */
#ifndef TASK_SERVER_H
#define TASK_SERVER_H

#include "image/image.h"
#include "os/child.h"
#include "task/process.h"

/* Two, because a program that starts one after the other would wait for the fork of the next
 * one. */
enum { SERVE_BRIEF = 2048, SERVE_READY = 2, SERVE_OWN = 5 };
enum { SPARE_PIDFD, SPARE_SOCKET, SPARE_PAGE, SPARE_BELL, SPARE_ALL };
struct serve_ready {
    int32_t rc; /* the child's pid or -errno */
};
struct serve_letter {
    uint32_t magic;
    uint16_t count;      /* descriptors of the user and of shared objects */
    uint8_t has[4];      /* 0, 1, 2 and the directory come with it */
    uint64_t mask;       /* of the starter */
    uint32_t order_size; /* 0: it lies in a memfd of its own, being larger */
    char order[SERVE_BRIEF] __attribute__((aligned(64)));
};
/* Descriptors with it: those of the user and of shared objects, then SERVE_OWN at most: the order's
 * memfd, what has[] tells. */

/* spawn.c */
struct spawn {
    struct image_request request;
    const plait_start_options *options;
    int descriptors[OS_DESCRIPTORS_MOST]; /* of the user, then of shared objects */
    int count;
    int order; /* -1, or the memfd of an order that is too large to be part of the letter */
};
/* A memfd with a control page, which is mapped, and the order of a request behind it; NULL:
 * none. */
int spawn_memory(const struct image_request *request, struct task_page **page);
int spawn_prepare(struct spawn *spawn, struct task_record *record,
                  const plait_start_options *options);
void spawn_sent(struct spawn *spawn, pid_t pid); /* to whom, -1: to nobody; ends spawn_prepare */
/* Executes the image with descriptors, then `own` (IMAGE_BELL ...); its pid and *pidfd, or
 * -errno. */
int spawn_image(const struct spawn *spawn, const int *own, struct task_page *page, int *pidfd);

/* server.c: a child that is ready, and then what it is to be; -ENOLINK: it died before it could
 * read that, and another one may be taken. spare_page closes the descriptor of that, server_send
 * the socket. */
struct spare {
    int pid, has[SPARE_ALL];
};
int server_take(struct spare *spare);
int server_send(struct spare *spare, const struct spawn *spawn);
struct task_page *spare_page(struct spare *spare); /* NULL: no memory */
void spare_end(struct spare *spare);
void server_end(void); /* waits for its end */
void server_after_fork(void);

#endif
