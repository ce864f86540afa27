/* Private memory, because no function's address may lie in shared memory.
 *
 * Lists that only grow at the front, without a lock: a child forked while another thread held one
 * could never take it. An entry never changes once it is in, so that function and argument always
 * belong together; a newer one for the same object hides it. An object whose repair changes again
 * and again therefore costs 32 bytes each time. */
#include "sync/repair.h"
#include "base/atomic.h"
#include "os/os.h"

#include <stddef.h>

enum { CHAINS = 64 };
static struct repair *chains[CHAINS];

static struct repair **repair_chain(const void *object)
{
    return &chains[((uintptr_t)object >> 6) % CHAINS];
}

static struct repair *repair_latest(const void *object)
{
    struct repair *one = atom_load(repair_chain(object), ACQUIRE); /* pairs with repair_set */
    while (one && one->object != object)
        one = one->next;
    return one;
}

const struct repair *repair_find(const void *object)
{
    const struct repair *one = repair_latest(object);
    return one && one->function ? one : NULL;
}

bool repair_set(const void *object, void (*function)(void *arg), void *arg)
{
    struct repair *one = repair_latest(object);
    if (one ? one->function == function && one->arg == arg : !function)
        return true;
    if (!(one = os_alloc(sizeof *one)))
        return false;
    *one = (struct repair){.object = object, .function = function, .arg = arg};
    struct repair **chain = repair_chain(object);
    one->next = atom_load(chain, RELAXED);
    while (!atom_cas(chain, &one->next, one, RELEASE))
        ;
    return true;
}
