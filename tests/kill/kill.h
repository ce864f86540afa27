/* The kill harness: a victim is killed after each single instruction of an operation, and then
 * somebody else must get the object. */
#ifndef KILL_KILL_H
#define KILL_KILL_H

#include "wait/robust.h"

#include <plait.h>
#include <stdint.h>
#include <stdio.h>

enum { STAGE_NONE, STAGE_READY, STAGE_GOES, STAGE_DONE };

/* What harness, victim and waiter share. `first` and `second` are what the lock protects: unequal
 * while somebody is inside. */
struct common {
    plait_lock lock;
    long first, second;
    int stage; /* of the victim's operation */
    pid_t tid; /* the thread to be stepped */
    int go;
    int asked, answered; /* the waiter's jobs */
    int rc;              /* of its last one */
    int64_t got_at;
};
extern struct common *common;

static inline struct robust_word *lock_word(void)
{
    return (struct robust_word *)(void *)&common->lock;
}

/* ---- step.c: the victim under ptrace */
struct victim {
    pid_t pid, tid;
};
/* Stops the thread and lets only single instructions through. False: ptrace does not work here. */
bool victim_seize(struct victim *victim, pid_t pid, pid_t tid);
/* One instruction. When it is a system call that sleeps, calls blocked() once and waits on.
 * False: the victim is gone. */
bool victim_step(struct victim *victim, void (*blocked)(void));
void victim_kill(struct victim *victim);
/* Where it stands, for messages. */
void *victim_place(const struct victim *victim);
bool thread_sleeps(pid_t pid, pid_t tid);
pid_t thread_named(pid_t pid, const char *name); /* of process pid; 0: none yet */

/* ---- waiter.c: a process that waits for the lock while the victim dies */
void waiter_start(void);
void waiter_ask(void); /* acquire, look, release; returns once it sleeps on the lock or has it */
bool waiter_has_got(int64_t deadline);
void waiter_end(void);
/* Takes the lock and looks whether what it protects is sound; 0, -EOWNERDEAD or another code. */
int lock_and_look(int64_t deadline, int64_t *got_at);

/* ---- victim.c: the operations */
struct kill_case {
    const char *name;
    void (*prepare)(void); /* in the victim, before it is stepped; may be NULL */
    void (*operate)(void);
    bool coroutine; /* the victim's operation runs on one */
    bool contended; /* the harness holds the lock, and gives it back when the victim sleeps */
    bool waited;    /* the waiter sleeps on the lock before the operation begins */
    bool helper;    /* not the victim's worker is stepped but its helper, from its sleep on */
    bool planted;   /* must be found stuck */
};
extern const struct kill_case kill_cases[];
pid_t victim_start(const struct kill_case *one); /* returns when it is ready */

#endif
