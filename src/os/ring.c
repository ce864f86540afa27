/* io_uring on the kernel's own interface. One ring for each worker that needs one. A request that
 * was woken is never answered as cancelled, so a cancel loses no wake. SINGLE_ISSUER is not asked
 * for, because a coroutine that has moved ends its sleep from another thread. */
#include "os/ring.h"
#include "os/os.h"
#include "os/syscall.h"

#include <linux/io_uring.h>
#include <string.h>
#include <sys/mman.h>

/* Newer than the oldest headers. */
enum { FUTEX_WAIT_REQUEST = 51, WORD_OF_32_BITS = 2, ASKED_MOST = 8 };

/* The child of a fork must not see it: what it asked there would be the parent's. */
static void *ring_map(int descriptor, size_t size, uint64_t offset)
{
    long start = OS_CALL(mmap, NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                         descriptor, offset);
    if (start < 0 && start > -OS_PAGE)
        return NULL;
    OS_SURE(madvise, start, size, MADV_DONTFORK);
    return (void *)start;
}

static bool ring_fill(struct os_ring *ring, const struct io_uring_params *made)
{
    size_t asked = made->sq_off.array + made->sq_entries * sizeof(uint32_t);
    size_t answers = made->cq_off.cqes + made->cq_entries * sizeof(struct io_uring_cqe);
    ring->size = asked > answers ? asked : answers;
    ring->asked_size = made->sq_entries * sizeof(struct io_uring_sqe);
    ring->memory = ring_map(ring->descriptor, ring->size, IORING_OFF_SQ_RING);
    ring->asked = ring_map(ring->descriptor, ring->asked_size, IORING_OFF_SQES);
    if (!ring->memory || !ring->asked)
        return false;
    char *memory = ring->memory;
    ring->tail = (uint32_t *)(void *)(memory + made->sq_off.tail);
    ring->array = (uint32_t *)(void *)(memory + made->sq_off.array);
    ring->mask = *(uint32_t *)(void *)(memory + made->sq_off.ring_mask);
    ring->head = (uint32_t *)(void *)(memory + made->cq_off.head);
    ring->news = (uint32_t *)(void *)(memory + made->cq_off.tail);
    ring->answers_mask = *(uint32_t *)(void *)(memory + made->cq_off.ring_mask);
    ring->answers = (struct io_uring_cqe *)(void *)(memory + made->cq_off.cqes);
    return true;
}

int os_ring_open(struct os_ring *ring)
{
    /* Room for each request's answer and for its cancel's, so that answers never overflow. */
    struct io_uring_params made = {.flags = IORING_SETUP_CQSIZE, .cq_entries = 4 * OS_RING_MOST};
    *ring = (struct os_ring){.descriptor = -1};
    long descriptor = OS_CALL(io_uring_setup, ASKED_MOST, &made);
    if (descriptor < 0)
        return (int)descriptor;
    ring->descriptor = (int)descriptor; /* the kernel opens it close-on-exec */
    bool good = made.features & IORING_FEAT_SINGLE_MMAP && made.features & IORING_FEAT_NODROP;
    if (good && ring_fill(ring, &made))
        return 0;
    os_ring_close(ring);
    return good ? -ENOMEM : -ENOSYS;
}

void os_ring_forget(struct os_ring *ring)
{
    if (ring->descriptor >= 0)
        os_close(ring->descriptor);
    *ring = (struct os_ring){.descriptor = -1};
}

void os_ring_close(struct os_ring *ring)
{
    if (ring->memory)
        os_unmap(ring->memory, ring->size);
    if (ring->asked)
        os_unmap(ring->asked, ring->asked_size);
    os_ring_forget(ring);
}

/* One at a time fits, since the kernel takes it before the call returns. */
static int ring_ask(struct os_ring *ring, const struct io_uring_sqe *request)
{
    uint32_t tail = *ring->tail, at = tail & ring->mask;
    ring->asked[at] = *request;
    ring->array[at] = at;
    __atomic_store_n(ring->tail, tail + 1, __ATOMIC_RELEASE);
    long taken = OS_CALL_AGAIN(io_uring_enter, ring->descriptor, 1, 0, 0, NULL, 0);
    if (taken == 1)
        return 0;
    __atomic_store_n(ring->tail, tail, __ATOMIC_RELEASE);
    return taken < 0 ? (int)taken : -EAGAIN;
}

int os_ring_wait(struct os_ring *ring, uint32_t *word, uint32_t seen, uint64_t tag)
{
    struct io_uring_sqe request = {.opcode = FUTEX_WAIT_REQUEST,
                                   .fd = WORD_OF_32_BITS,
                                   .addr = (uintptr_t)word,
                                   .user_data = tag};
    uint64_t value = seen, mask = UINT32_MAX;
    if (ring->flying >= OS_RING_MOST)
        return -EBUSY;
    memcpy(&request.off, &value, sizeof value);        /* addr2 */
    memcpy((char *)&request + 48, &mask, sizeof mask); /* addr3, which older headers do not name */
    int rc = ring_ask(ring, &request);
    if (rc == 0)
        __atomic_store_n(&ring->flying, ring->flying + 1, __ATOMIC_RELAXED);
    return rc;
}

void os_ring_cancel(struct os_ring *ring, uint64_t tag)
{
    struct io_uring_sqe request = {.opcode = IORING_OP_ASYNC_CANCEL, .fd = -1, .addr = tag};
    (void)ring_ask(ring, &request); /* refused: it ends by a wake, as it would have */
}

bool os_ring_has_news(const struct os_ring *ring)
{
    return __atomic_load_n(ring->news, __ATOMIC_RELAXED) !=
           __atomic_load_n(ring->head, __ATOMIC_RELAXED); /* its own thread may move it meanwhile */
}

bool os_ring_next(struct os_ring *ring, uint64_t *tag, int *result)
{
    if (ring->descriptor < 0)
        return false;
    uint32_t head = *ring->head;
    /* ACQUIRE pairs with the kernel's store behind the answer. */
    while (head != __atomic_load_n(ring->news, __ATOMIC_ACQUIRE)) {
        const struct io_uring_cqe *answer = &ring->answers[head & ring->answers_mask];
        *tag = answer->user_data;
        *result = answer->res;
        __atomic_store_n(ring->head, ++head, __ATOMIC_RELEASE);
        if (*tag == 0)
            continue; /* a cancel's own */
        __atomic_store_n(&ring->flying, ring->flying - 1, __ATOMIC_RELAXED);
        return true;
    }
    return false;
}
