/* The gang: threads that run other tasks' branches, one less than workers are allowed, since who
 * forks works, too. Started one by one when something is offered, asleep while nothing is. */
#ifndef POOL_GANG_H
#define POOL_GANG_H

#include "pool/branch.h"

/* The calling task's deque; made at its first use. NULL: no memory. */
struct branches *gang_branches(void);
/* The same, if it has one. */
struct branches *gang_branches_found(void);
/* How many threads it may have. */
uint32_t gang_threads(void);
/* Somebody of the gang is idle, or not started yet. */
bool gang_is_idle(void);
/* Something has been offered: one of those, if there is none that looks already, shall look. */
void gang_call(void);
/* Whether a look at what others do may find it changed: not on one CPU, because who looks keeps the
 * others off it. */
bool gang_may_spin(void);
/* Runs a stolen branch on the calling task. */
void gang_run(struct branch *one);

#endif
