/* The fork server: one image of this program executed anew, with one thread, that starts children.
 *
 * Who needs processes of it calls plait_start with PLAIT_FORKSERVER; .arg_size, .shared and
 * .child->descriptors are what crosses. Contract:
 *   - children are children of this program (CLONE_PARENT), not of the server, so that getppid,
 *     pidfd and reaping are those of a fork, and the server's death does them no harm
 *   - the server keeps one child ready, which sleeps in a receive; a start is one message to that
 *     one, with a socket of its own, and costs the same whatever the size and the threads of this
 *     program. The next one is forked meanwhile. (After Android's zygote, whose pool of
 *     unspecialized processes does the same.) The first start in a program executes the server too
 *   - killed, it is executed anew by the next start; plait_quiesce ends it
 *   - globals are those of a new image after its constructors; 0, 1, 2 and the directory are those
 *     of this program at the start, the environment is that of the server's start
 *   - a tied child dies by PDEATHSIG with the watcher's thread of this program, which executed the
 *     server and lives as long as there are children
 *
 * Messages: the server tells of each child that is ready (serve_ready with its pidfd and a socket to
 * it); the program asks for another one when it takes it (one byte); what the child is to be goes to
 * its socket (serve_letter with the descriptors). Whoever finds the other end closed ends. */
#ifndef TASK_SERVER_H
#define TASK_SERVER_H

#include "image/image.h"
#include "os/child.h"
#include "task/process.h"

enum { SERVE_BRIEF = 2048 };
struct serve_ready {
    int32_t rc; /* the child's pid or -errno */
};
struct serve_letter {
    uint32_t magic;
    uint16_t count;      /* descriptors of the user and of shared objects */
    uint8_t has[4];      /* 0, 1, 2 and the directory come with it */
    uint64_t mask;       /* of the starter */
    uint32_t order_size; /* 0: it lies in the memfd, being larger */
    char order[SERVE_BRIEF] __attribute__((aligned(64)));
};
enum { SERVE_MEMORY, SERVE_BELL, SERVE_STANDARD }; /* then what has[] tells, then the user's */

/* spawn.c */
struct spawn {
    struct image_request request;
    const plait_start_options *options;
    int descriptors[OS_DESCRIPTORS_MOST]; /* of the user, then of shared objects */
    int count;
    bool is_brief; /* the order is part of the letter */
};
int spawn_prepare(struct spawn *spawn, struct task_record *record,
                  const plait_start_options *options);
void spawn_sent(struct spawn *spawn, pid_t pid); /* to whom, -1: to nobody; ends spawn_prepare */
/* Executes the image with descriptors, then `own` (IMAGE_BELL ...); its pid and *pidfd, or -errno. */
int spawn_image(const struct spawn *spawn, const int *own, struct task_page *page, int *pidfd);

/* server.c: as spawn_image */
int server_fork(const struct spawn *spawn, const int *own, struct task_page *page, int *pidfd);
void server_end(void); /* waits for its end */
void server_after_fork(void);

/* serve.c: the server's side */
_Noreturn void serve(const struct image_order *order);

#endif
