/* The memory of futures. A job is mostly submitted on one CPU and given back on another; libc then
 * takes the lock of the first one's arena for each, and clears each anew. Here each thread has a
 * cache of blocks, and whole lots of them go between the caches by way of the stock.
 *
 * A lot of free blocks is listed in one of them, so that nothing is allocated for it. A thread that
 * ends leaves its cache to the next one. Blocks are cut from larger and larger slabs, because a
 * thread's arena in libc asks the kernel for each page; they are kept for later futures, which is
 * why there is a bound of them. Who comes when all are used has his future from libc. */
#include "os/os.h"
#include "os/sanitizer.h"
#include "pool/future.h"

#include <pthread.h>

enum { LOT = 31, CACHE = 2 * (LOT + 1) };
enum { SLAB_MOST = 32, BOUND = 4096 }; /* lots: 256 KB, 32 MB */

struct lot {
    struct lot *next;
    void *blocks[LOT];
};
_Static_assert(sizeof(struct lot) <= FUTURE_BLOCK, "a lot is a block");

/* Of one thread. In a child that another one forks it is lost, because it may be copied
 * half-way. */
struct cache {
    uint32_t count;
    struct cache *next; /* while it is nobody's */
    void *blocks[CACHE];
};

static struct {
    base_spin lock;
    uint32_t made; /* lots, those in use included */
    struct lot *lots;
    struct cache *idle;
    uint32_t forks;
} stock;
static __thread struct cache *mine __attribute__((tls_model("initial-exec")));
static pthread_key_t leaving;
static bool told; /* whether a thread's end is told of: `leaving` is a key */

/* In a forked child the lock may be held by who is not here; the lists are whole at any moment. */
static void stock_lock(void)
{
    if (unlikely(atom_load(&stock.forks, RELAXED) != wait_forks)) {
        stock.lock = (base_spin){0};
        atom_store(&stock.forks, wait_forks, RELAXED);
    }
    base_spin_lock(&stock.lock);
}

static void idle_put(struct cache *cache)
{
    stock_lock();
    cache->next = stock.idle;
    stock.idle = cache;
    base_spin_unlock(&stock.lock);
}

static void thread_leaves(void *value)
{
    mine = NULL;
    idle_put(value);
}

static void make_key(void)
{
    told = pthread_key_create(&leaving, thread_leaves) == 0;
}

/* NULL: no memory, or a key for it: what a thread left behind would be lost with it. */
static struct cache *cache_here(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (likely(mine != NULL))
        return mine;
    pthread_once(&once, make_key);
    if (!told)
        return NULL;
    stock_lock();
    struct cache *cache = stock.idle;
    if (cache)
        stock.idle = cache->next;
    base_spin_unlock(&stock.lock);
    if (!cache && !(cache = os_alloc_lines(sizeof *cache)))
        return NULL;
    if (pthread_setspecific(leaving, cache) == 0)
        return mine = cache;
    idle_put(cache);
    return NULL;
}

static void lot_put(struct lot *lot)
{
    lot->next = stock.lots;
    stock.lots = lot;
}

/* Under the lock, given back meanwhile. NULL: no memory, or as many as are allowed. */
static struct lot *make_lots(void)
{
    uint32_t count = stock.made / 4 + 1;
    if (count > SLAB_MOST)
        count = SLAB_MOST;
    if (stock.made + count > BOUND)
        return NULL;
    stock.made += count;
    base_spin_unlock(&stock.lock);
    char *slab = os_alloc_lines((size_t)count * (LOT + 1) * FUTURE_BLOCK);
    stock_lock();
    if (!slab) {
        stock.made -= count;
        return NULL;
    }
    for (char *at = slab; count--; at += (LOT + 1) * FUTURE_BLOCK) {
        struct lot *lot = (struct lot *)at;
        for (int i = 0; i < LOT; i++)
            lot->blocks[i] = at + (i + 1) * FUTURE_BLOCK;
        lot_put(lot);
    }
    return stock.lots;
}

static bool take_lot(struct cache *cache)
{
    stock_lock();
    struct lot *lot = stock.lots ? stock.lots : make_lots();
    if (lot)
        stock.lots = lot->next;
    base_spin_unlock(&stock.lock);
    if (!lot)
        return false;
    memcpy(cache->blocks + 1, lot->blocks, sizeof lot->blocks);
    memset(lot, 0, sizeof *lot); /* since a future left behind in it what the next one relies on */
    cache->blocks[0] = lot;
    cache->count = LOT + 1;
    return true;
}

/* The older half, since what was used last is in this CPU's cache. */
static void give_lot(struct cache *cache)
{
    struct lot *lot = cache->blocks[0];
    memcpy(lot->blocks, cache->blocks + 1, sizeof lot->blocks);
    memmove(cache->blocks, cache->blocks + LOT + 1, (CACHE - LOT - 1) * sizeof *cache->blocks);
    cache->count = CACHE - LOT - 1;
    stock_lock();
    lot_put(lot);
    base_spin_unlock(&stock.lock);
}

void *future_block(void)
{
    struct cache *cache = os_memory_is_watched() ? NULL : cache_here();
    if (unlikely(!cache || (cache->count == 0 && !take_lot(cache))))
        return NULL;
    uint32_t count = --cache->count;
    /* Mostly another CPU has written to them last, which takes as long to ask for as to make a
     * job. */
    if (count >= 3)
        __builtin_prefetch(cache->blocks[count - 3], 1);
    return cache->blocks[count];
}

void future_block_free(void *block)
{
    struct cache *cache = cache_here();
    if (unlikely(!cache))
        return; /* no memory for a cache here: one block is lost */
    if (unlikely(cache->count == CACHE))
        give_lot(cache);
    cache->blocks[cache->count++] = block;
}
