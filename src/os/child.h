/* Processes that are made without fork(): the program's own image executed anew, and a sibling of
 * the caller. Raw system calls, no lock of libc. Deadlines as in os.h. */
#ifndef OS_CHILD_H
#define OS_CHILD_H

#include <plait/start.h>
#include <stdbool.h>
#include <stdint.h>

enum { OS_DESCRIPTORS_MOST = 250 }; /* since the kernel takes 253 in one message */

/* /proc/self/exe with these: it is found where the program's file was deleted or replaced, too. */
struct os_image {
    char *const *arguments;
    char *const *environment;
    const int *descriptors; /* become 3, 4 ...; everything above is closed */
    int count;
    const plait_child_options
        *change;    /* NULL: nothing; its environment and descriptors are not read */
    pid_t parent;   /* it dies with the calling thread; 0: it does not */
    uint64_t mask;  /* blocked signals */
    char *pid_text; /* 11 bytes in the environment: gets its pid */
    int32_t
        *error; /* in shared memory, 0: gets -errno, since some emulators copy where Linux shares */
};
/* The calling thread stops until the image runs; its pid, *pidfd filled in; -errno, and nothing is
 * left over. Nothing of the caller's memory is copied, whatever its size. */
int os_image_start(const struct os_image *image, int *pidfd);

/* Kills that child, waits for its end, reaps it and closes the pidfd. */
void os_pidfd_end(int pidfd);

/* A copy of this process, which must have one thread, as a child of its parent: 0 there, its pid
 * here and a pidfd; *told gets its pid before it runs, also when this process is killed meanwhile
 * (where there is clone3, else after that). The caller takes care of atfork handlers: none are
 * called. -ENOTSUP: this libc's number of the thread was not found. */
int os_fork_sibling(int *pidfd, int32_t *told);

/* In a child: group, CPUs, nice, directory and limits, in this order; 0 or -errno. */
int os_child_change(const plait_child_options *options);
/* These become 3, 4 ... whatever numbers they have; `only`: everything above is closed. */
int os_descriptors_place(const int *from, int count, bool only);
void os_descriptors_silence(void);                      /* 0, 1 and 2 become /dev/null */
bool os_descriptor_stays(int descriptor);               /* it is open, and will be after exec */
int os_descriptor_keep(int descriptor, bool over_exec); /* 0 or -errno */
uint64_t os_signal_mask(void);                          /* of this thread */
void os_signal_mask_set(uint64_t mask);
/* Does this process' work when there is nothing better to do on its processor, and wakes up without
 * taking it from others; where it is an ordinary one, as its forks are until they take it back. */
void os_give_way(bool does);
void os_outlive_parent(void); /* takes os_die_with_parent back */
bool os_is_privileged(void);  /* set-user-ID and the like: its environment is somebody else's */

/* One message on a socket of whole messages, descriptors with it. Size, 0: the other side is gone,
 * -errno; *count: room, then how many came; new descriptors are close-on-exec. -EMFILE: some had no
 * room, and none came. */
int os_message_pair(int ends[2]);
int os_message_send(int socket, const void *data, size_t size, const int *descriptors, int count);
bool os_message_ready(int socket);                  /* one is there, or the other side is gone */
int os_message_await(int socket, int64_t deadline); /* until it is so; -ETIMEDOUT */
void os_message_end(int socket);                    /* no more of them from here */
int os_message_receive(int socket, void *data, size_t size, int *descriptors, int *count,
                       int64_t deadline);

#endif
