/* Promises, and what can be asked of a future without waiting. */
#include "base/report.h"
#include "os/os.h"
#include "pool/future.h"

plait_future *plait_future_new(size_t size)
{
    wait_me();
    plait_future *future = future_new(0, size);
    if (future)
        future->word = FUTURE_PROMISE;
    return future;
}

/* 0: it is the caller's to end. */
static int promise_claim(plait_future *future)
{
    if (!(atom_load(&future->word, RELAXED) & FUTURE_PROMISE))
        return -EINVAL;
    return future_claim(future, 0) ? 0 : -EALREADY;
}

int plait_future_fulfil(plait_future *future, const void *result, size_t size)
{
    void *place = __builtin_return_address(0), *apart = NULL;
    future_check(future, place);
    if (future->announced && size != future->announced)
        base_misuse(future, "future", place, "%zu bytes for a promise of %zu", size,
                    future->announced);
    /* Memory first: a promise that is claimed must end. */
    if (size && !future->announced && !(apart = os_alloc(size)))
        return -ENOMEM;
    int rc = promise_claim(future);
    if (rc != 0) {
        os_free(apart);
        return rc;
    }
    if (apart) {
        future->apart = future->result = apart;
        future->blocks = true;
        future->size = size;
    }
    if (size)
        memcpy(future->result, result, size);
    future_end(future, PLAIT_DONE, 0);
    return 0;
}

int plait_future_fail(plait_future *future, int error)
{
    future_check(future, __builtin_return_address(0));
    int rc = error ? promise_claim(future) : -EINVAL;
    if (rc == 0)
        future_fail(future, error);
    return rc;
}

int plait_future_error(plait_future *future)
{
    future_check(future, __builtin_return_address(0));
    plait_state state = future_state(atom_load(&future->word, ACQUIRE));
    if (state != PLAIT_FAILED && state != PLAIT_CANCELED)
        return 0;
    atom_or(&future->word, FUTURE_READ, RELAXED);
    return future->error;
}

plait_state plait_future_state(const plait_future *future)
{
    future_check(future, __builtin_return_address(0));
    return future_state(atom_load(&future->word, ACQUIRE));
}
