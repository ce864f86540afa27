/* A process as a task: what its parent knows of it, and the page of shared memory between the two.
 */
#ifndef TASK_PROCESS_H
#define TASK_PROCESS_H

#include "base/spin.h"
#include "task/task.h"

#define TASK_PAGE_MAGIC 0x706c6169u

/* The control page: made before the fork, mapped in both. Only words and bytes; the parent copies
 * what it reads, since the child may be anything by then.
 *   go      0 not yet, 1 the parent has the child's pidfd: the function of a fork may start
 *   ended   0, PAGE_RETURNED: status is what the function returned, PAGE_EXITED: what exit() was
 *           given, unless the kernel tells of another end after that */
struct task_page {
    uint32_t magic, size;
    uint32_t go;
    int32_t began; /* 0 not yet; 1 the options of the child hold; -errno, and it ends */
    uint32_t canceled;
    int32_t forked; /* of the fork server: the child that it is about to tell of */
    uint32_t ended;
    int32_t status;
    uint32_t state; /* PLAIT_RUNNING or PLAIT_WAITING */
    char name[TASK_NAME];
    char verb[16], object[48]; /* what its main task waits for */
    int64_t since;
};
enum { PAGE_RETURNED = 1, PAGE_EXITED };

struct image_order;
struct task_process {
    struct sched_watch watch; /* the child's pidfd, and the time of the KILL after a TERM */
    struct task_record *record;
    struct task_page *page;
    pid_t pid, parent; /* the child; who started it */
    int bell;          /* eventfd: look at page->canceled */
    int64_t grace;
    uint32_t wanted; /* cancels that found the lock held */
    base_spin lock;  /* guards pidfd and pid against the end */
    bool insists;    /* the time of `watch` is that of a TERM, not of the KILL */
    int failures;    /* of the kernel to tell the status */
    bool ended;
};

/* What src/share wants to be told. `forked`: on the thread that forked, of a fork of
 * process_start's, whose handlers see process_forking set: the child's pid, -1 when there is none.
 * `leaving`: this process ends and joins nobody any more. */
struct process_hooks {
    void (*forked)(pid_t pid);
    void (*leaving)(void);
};
extern struct process_hooks process_hooks;
extern __thread bool process_forking __attribute__((tls_model("initial-exec")));
static inline void process_tell_leaving(void)
{
    if (process_hooks.leaving)
        process_hooks.leaving();
}

/* inherit.c */
void child_inherit(void *const *shared, int count);
void child_open_handles(const struct image_order *order, const int *descriptors);

int process_start(struct task_record *record, const plait_start_options *options);
void process_cancel(struct task_record *record);
void process_insist(struct task_record *record); /* and TERM, KILL, if it does not end */
void process_overdue(struct task_process *process);
void process_forget(struct task_record *record);
uint64_t process_deaths(void);
int process_signal(struct task_record *record, int signal, int64_t grace);
/* Copies its page; false: it has ended, there is none any more. */
bool process_peek(struct task_process *process, struct task_page *copy);

/* child.c: the child's side; does not return */
_Noreturn void child_main(struct task_record *record, int parent,
                          const plait_start_options *options);
/* own: descriptors of the handles, then IMAGE_BELL ... */
_Noreturn void child_arrive(const struct image_order *order, struct task_page *page, const int *own,
                            bool is_image);
void child_prepare(void); /* the fork server: what each child would do anew */
void child_warm_up(
    struct task_page *page); /* its child: what it is going to do, so that the pages are there */
void child_look(const struct task_record *me); /* at its own cancel */
void child_leave(int status) __attribute__((noreturn));
void child_after_fork(void);

#endif
