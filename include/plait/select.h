/* plait/select.h - wait for several things at once, and do exactly one of them. Include <plait.h>.
 *
 * A case says what to wait for. plait_select waits until one of its cases can be done, does that
 * one and nothing of the others, and tells which. When several could be done at once a random one
 * is, so that none is forgotten beside a busy one.
 *
 * Example:
 *     int serve(plait_queue *jobs, plait_event *stop)
 *     {
 *         for (int job;;)
 *             switch (plait_select(plait_after(PLAIT_SECOND), plait_on_get(jobs, &job),
 *                                  plait_on_event(stop))) {
 *             case 0:
 *                 printf("job %d\n", job);
 *                 break;
 *             case 1:
 *                 return 0;
 *             default: // -ETIMEDOUT; -EPIPE: no more jobs; -ECANCELED
 *                 return 1;
 *             }
 *     }
 *
 * Cases are small structs of yours, made by the plait_on_... calls of case.h, which wait for
 * nothing; what they name must live until the select returns. The same object may stand in several
 * cases. The records of the sleep lie on the caller's stack, about 50 bytes a case, and nothing is
 * allocated. Any carrier may select, mixed with plain calls on the same objects, and shared objects
 * may stand beside private ones. Since 0.1; the word is Go's, the idea is Hoare's (CSP, 1978) and
 * Reppy's (Concurrent ML, 1991). */
#ifndef PLAIT_SELECT_H
#define PLAIT_SELECT_H
#include <plait/macros.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One thing to wait for. After plait_select the case done has in `result` what it gave (0, a size,
 * a number); one that can never be done has a code (-EPIPE: its queue is closed, and empty if it
 * was to be got from); all others have -EAGAIN. The other fields are plait's. */
typedef struct plait_case {
    const struct plait_case_kind *kind;
    void *object, *data;
    size_t size;
    int64_t number;
    int result, reserved;
} plait_case;

/* Waits until one of the cases can be done, and does it. plait_select is the same with the cases as
 * arguments behind the deadline.
 *   cases    at least one; their `result` is written
 *   count    1 to 1,000
 *   returns  the index of the case done
 *   errors   nothing was done: -EAGAIN (PLAIT_NOW and none is ready), -ETIMEDOUT, -ECANCELED;
 *            when none is ready and one can never be, its code: -EPIPE (its queue is closed, and
 *            empty), -EBADF (no such descriptor), -ENOTRECOVERABLE, -EDEADLK (its lock), -EMFILE,
 *            -ENOSPC, -ENOMEM (a descriptor cannot be watched); -EINVAL (count below 1, cases NULL,
 *            a case that no plait_on_... call made), -E2BIG (more than 1,000, or this stack has no
 *            room for the records)
 *   misuse   a duration where a deadline belongs
 *   blocks   until one is ready */
PLAIT_MUST_USE int plait_select_cases(plait_case *cases, int count, int64_t deadline);

#ifdef __cplusplus
}
extern "C++" template <class... Case>
PLAIT_MUST_USE inline int plait_select(int64_t deadline, Case... which)
{
    plait_case cases[] = {which...};
    return plait_select_cases(cases, (int)sizeof...(which), deadline);
}
#else
#define plait_select(deadline, ...)                                                                \
    plait_select_cases((plait_case[]){__VA_ARGS__},                                                \
                       (int)(sizeof((plait_case[]){__VA_ARGS__}) / sizeof(plait_case)), deadline)
#endif

#endif
