/* What happens when a stack runs over its guard page, or the program faults otherwise. */
#ifndef OS_OVERFLOW_H
#define OS_OVERFLOW_H

/* Once a program (later calls only change `told`): handlers for SIGSEGV and SIGBUS that call
 * told(faulting address, signal context) on the alternate stack and then the host's handler of
 * before, or the default. `told` may use what is async-signal-safe. Allocates. */
void os_overflow_install(void (*told)(void *address, void *context));
/* A signal stack of 64 KB for the calling thread, unless it has one of 16 KB or more. Each worker
 * needs it, because a handler cannot run on the stack that is full. */
int os_overflow_stack(void);
void os_overflow_drop(void); /* by the same thread, at its end */
/* Frames of the interrupted code, one a line with function and module where libc can tell, else
 * the address only. For the handler. */
void os_backtrace(int descriptor, void *context);

#endif
