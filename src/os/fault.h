/* The seam where tests make the Nth system call or allocation of this process fail.
 *
 * Only in builds with PLAIT_FAULTS (debug, asan, fault tests); elsewhere OS_FAULT is the constant
 * 0 so that the release build pays nothing. A seam instead of LD_PRELOAD or ptrace, because
 * plait's calls are raw ones that no interposer sees. */
#ifndef OS_FAULT_H
#define OS_FAULT_H

/* From now on the Nth passage (1: the next one) of any thread fails with `error`, once; nth 0 only
 * counts. 0, or -ENOSYS in a build without the seam. */
int os_fault_arm(long nth, int error);
void os_fault_disarm(void);
long os_fault_hits(void);        /* passages since os_fault_arm */
const char *os_fault_name(void); /* the call that was made to fail; NULL: none yet */

#ifdef PLAIT_FAULTS
int os_fault_pass(const char *name);
#define OS_FAULT(name) os_fault_pass(name)
#else
#define OS_FAULT(name) 0
#endif

#endif
