#include "os/os.h"
#include "os/syscall.h"

#include <linux/futex.h>
#include <pthread.h>

static long list_of_this_thread(struct robust_list_head **head)
{
    size_t size;
    *head = NULL;
    return OS_CALL(get_robust_list, 0, head, &size);
}

/* musl tells the kernel of a thread's list at its first robust lock, glibc at its start. */
static void make_libc_register(void)
{
    pthread_mutexattr_t attributes;
    pthread_mutex_t dummy;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    if (pthread_mutex_init(&dummy, &attributes) == 0) {
        pthread_mutex_lock(&dummy);
        pthread_mutex_unlock(&dummy);
        pthread_mutex_destroy(&dummy);
    }
    pthread_mutexattr_destroy(&attributes);
}

int os_robust_find(struct os_robust *robust)
{
    struct robust_list_head *head;
    if (!os_has(OS_ROBUST))
        return -ENOSYS;
    long r = list_of_this_thread(&head);
    if (r == 0 && !head) {
        make_libc_register();
        r = list_of_this_thread(&head);
    }
    if (r < 0 || !head)
        return r < 0 ? (int)r : -ENOSYS;
    *robust = (struct os_robust){.head = (void **)(void *)&head->list.next,
                                 .pending = (void **)(void *)&head->list_op_pending,
                                 .offset = head->futex_offset};
    return 0;
}
