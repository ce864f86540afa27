/* Making a pool. */
#include "base/report.h"
#include "os/os.h"
#include "pool/list.h"

enum { LANE = 64, SPARES = 256, SPARE_COROUTINES = 100000, WORKERS_MOST = 1 << 20 };
#define GRACE INT64_C(5000000000)

void pool_bad(const plait_pool *pool, void *place)
{
    if (!pool)
        base_misuse(NULL, "pool", place, "NULL is no pool");
    if ((uintptr_t)pool % _Alignof(plait_pool) == 0 && pool->magic - POOL_MAGIC < wait_forks)
        base_misuse(pool, "pool", place,
                    "opened before a fork: a pool is of the process that opened it");
    base_misuse(pool, "pool", place, "no pool, or freed before");
}

void pool_job_forked(plait_job *function)
{
    base_misuse(NULL, "job", (void *)function,
                "returned in a child that it forked, which must leave by _exit");
}

static int pool_options_check(plait_carrier carrier, int workers, const plait_pool_options *options)
{
    for (int i = 0; i < 4; i++)
        if (options->reserved[i])
            return EINVAL;
    if (carrier < PLAIT_PROCESS || carrier > PLAIT_COROUTINE || workers < 0 ||
        workers > WORKERS_MOST || options->jobs_per_worker < 0 || options->grace < 0)
        return EINVAL;
    return options->url ? ENOTSUP : 0;
}

static void pool_fill(plait_pool *pool, const plait_pool_options *options)
{
    uint32_t spares = pool->carrier == PLAIT_COROUTINE ? SPARE_COROUTINES : SPARES;
    pool->most = pool->size + spares;
    pool->references = 1;
    pool->spins = pool->carrier == PLAIT_THREAD && !wait_deterministic && os_cpus_allowed() > 1;
    list_init(&pool->idle);
    list_init(&pool->workers);
    list_init(&pool->ended);
    list_init(&pool->chain);
    pool->options = *options;
    pool->bounded = options->waiting != 0;
    pool->replaces = options->jobs_per_worker != 0;
    if (!options->grace)
        pool->options.grace = GRACE;
    if (options->worker)
        pool->worker = *options->worker;
    pool->options.name = NULL;
    pool->options.worker = &pool->worker;
    base_format(pool->name, sizeof pool->name, "%s", options->name ? options->name : "");
    if (!pool->worker.method && pool->carrier == PLAIT_PROCESS)
        pool->worker.method = PLAIT_FORKSERVER;
    if (options->name && !pool->worker.name)
        pool->worker.name = pool->name;
    /* They are no tasks of the user's, whom the program's end waits for: the pool itself is drained
     * there. */
    pool->worker.daemon = true;
}

plait_pool *plait_pool_open(plait_carrier carrier, int workers, const plait_pool_options *options)
{
    static const plait_pool_options defaults;
    options = options ? options : &defaults;
    wait_me();
    exit_prepare();
    int why = pool_options_check(carrier, workers, options);
    plait_pool *pool = why ? NULL : pool_new();
    if (!pool) {
        errno = why ? why : ENOMEM;
        return NULL;
    }
    pool->carrier = carrier;
    pool->size = (uint32_t)(workers ? workers : os_cpus());
    pool_fill(pool, options);
    if (lane_init(&pool->lane, LANE) != 0) {
        pool_let_go(pool);
        errno = ENOMEM;
        return NULL;
    }
    if (options->name && base_name_set(pool, options->name) != 0) {
        pool_let_go(pool);
        errno = ENOMEM;
        return NULL;
    }
    help_prepare();
    pool->magic = POOL_MAGIC + wait_forks;
    task_drain = pools.drain;
    pools_add(pool);
    return pool;
}
