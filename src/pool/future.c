/* A future's memory, and its way from PENDING to RUNNING. */
#include "pool/future.h"
#include "base/report.h"
#include "os/os.h"

enum { ALIGN = 16 };

void future_bad(const plait_future *future, void *place)
{
    if (!future)
        base_misuse(NULL, "future", place, "NULL is no future");
    if ((uintptr_t)future % _Alignof(plait_future) == 0 &&
        future->magic - FUTURE_MAGIC < wait_forks)
        base_misuse(future, "future", place,
                    "made before a fork: a future is of the process that made it");
    base_misuse(future, "future", place, "no future, or freed before");
}

static size_t round_up(size_t size)
{
    return (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

plait_future *future_new(size_t in_size, size_t size)
{
    size_t head = round_up(sizeof(plait_future)), most = PTRDIFF_MAX / 4;
    if (in_size > most || size > most) {
        errno = EINVAL;
        return NULL;
    }
    size_t whole = head + round_up(in_size) + size;
    plait_future *future = whole > FUTURE_BLOCK ? NULL : future_block();
    bool large = !future;
    if (large)
        future = os_alloc_lines(whole);
    if (unlikely(!future)) {
        errno = ENOMEM;
        return NULL;
    }
    memset(future, 0, offsetof(plait_future, watchers));
    future->large = large;
    future->in = in_size ? (char *)future + head : NULL;
    future->in_size = in_size;
    future->result = (char *)future + head + round_up(in_size);
    future->size = future->announced = size;
    if (size && !large)
        memset(future->result, 0, size);
    future->magic = FUTURE_MAGIC + wait_forks;
    return future;
}

void future_destroy(plait_future *future)
{
    future->magic = 0;
    if (unlikely(future->blocks)) {
        os_free(future->apart);
        os_free(future->in_apart);
    }
    if (unlikely(future->large))
        os_free(future);
    else
        future_block_free(future);
}

bool future_claim(plait_future *future, uint32_t off)
{
    uint32_t seen = atom_load(&future->word, RELAXED);
    do
        if (future_state(seen) != PLAIT_PENDING)
            return false;
    while (!atom_cas(&future->word, &seen, (seen & ~off) | PLAIT_RUNNING, ACQUIRE));
    return true;
}

bool future_unclaim(plait_future *future, uint32_t on)
{
    uint32_t seen = atom_load(&future->word, RELAXED);
    do
        if (seen & FUTURE_WANTED)
            return false;
    while (!atom_cas(&future->word, &seen, (seen & ~(uint32_t)FUTURE_STATE) | PLAIT_PENDING | on,
                     RELEASE));
    return true;
}

int future_set_result(plait_future *future, const void *data, size_t size)
{
    void *copy = NULL;
    if (size && !(copy = os_alloc(size)))
        return -ENOMEM;
    if (size)
        memcpy(copy, data, size);
    os_free(future->apart);
    future->apart = future->result = copy;
    future->blocks = true;
    future->size = size;
    return 0;
}
