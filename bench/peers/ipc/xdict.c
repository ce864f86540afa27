/* xdict.c - xcounter and xdict over LMDB (a file in $KIT_DIR or /dev/shm, never synced), and over shared memory of our own: an
 * atomic, and a hash table with a sequence lock in each slot (the limit; it cannot grow and is not crash-safe). */
#include "kit.h"
#include <lmdb.h>
#include "xdict.h"

static void nothing(void) { }

/* ---- LMDB: each operation is a transaction; MDB_NOSYNC | MDB_WRITEMAP ---- */
static char file[256];
static MDB_env *env;
static MDB_dbi dbi;
static MDB_txn *reader, *load;

static void file_setup(void)
{
    const char *dir = getenv("KIT_DIR") ? getenv("KIT_DIR") : "/dev/shm";
    snprintf(file, sizeof file, "%s/kit-xdict-%d", dir, getpid());
}
static void lmdb_forget(void)
{
    char lock[300];
    snprintf(lock, sizeof lock, "%s-lock", file);
    unlink(file), unlink(lock);
}
static void lmdb_setup(void) { file_setup(); atexit(lmdb_forget); }
static void lmdb_open(void)
{
    MDB_txn *t;
    CHECK(mdb_env_create(&env) == 0 && mdb_env_set_mapsize(env, 256u << 20) == 0);
    CHECK(mdb_env_open(env, file, MDB_NOSUBDIR | MDB_NOSYNC | MDB_WRITEMAP, 0600) == 0);
    CHECK(mdb_txn_begin(env, NULL, 0, &t) == 0 && mdb_dbi_open(t, NULL, 0, &dbi) == 0 && mdb_txn_commit(t) == 0);
    CHECK(mdb_txn_begin(env, NULL, MDB_RDONLY, &reader) == 0);
    mdb_txn_reset(reader);
}
static void lmdb_begin_load(void) { CHECK(mdb_txn_begin(env, NULL, 0, &load) == 0); }
static void lmdb_end_load(void) { CHECK(mdb_txn_commit(load) == 0); mdb_env_close(env); }
static void lmdb_set(const char *key, const void *value, size_t size)
{
    MDB_txn *t = load;
    MDB_val k = { strlen(key), (void *)key }, v = { size, (void *)value };
    if (!load)
        CHECK(mdb_txn_begin(env, NULL, 0, &t) == 0);
    CHECK(mdb_put(t, dbi, &k, &v, 0) == 0);
    if (!load)
        CHECK(mdb_txn_commit(t) == 0);
}
static void lmdb_get(uint32_t index, const char *key)
{
    MDB_val k = { strlen(key), (void *)key }, v;
    CHECK(mdb_txn_renew(reader) == 0);
    CHECK(mdb_get(reader, dbi, &k, &v) == 0);
    check_value(index, v.mv_data, v.mv_size);
    mdb_txn_reset(reader);
}
static void lmdb_zero(void) { uint64_t zero = 0; lmdb_set("counter", &zero, 8); }
static void lmdb_add(void)
{
    MDB_txn *t;
    MDB_val k = { 7, "counter" }, v;
    uint64_t n;
    CHECK(mdb_txn_begin(env, NULL, 0, &t) == 0 && mdb_get(t, dbi, &k, &v) == 0);
    memcpy(&n, v.mv_data, 8);
    n++;
    v.mv_data = &n, v.mv_size = 8;
    CHECK(mdb_put(t, dbi, &k, &v, 0) == 0 && mdb_txn_commit(t) == 0);
}
static uint64_t lmdb_read(void)
{
    MDB_val k = { 7, "counter" }, v;
    uint64_t n;
    CHECK(mdb_txn_renew(reader) == 0 && mdb_get(reader, dbi, &k, &v) == 0);
    memcpy(&n, v.mv_data, 8);
    mdb_txn_reset(reader);
    return n;
}

/* ---- reference: open addressing in shared memory, a sequence lock in each slot ---- */
enum { SLOTS = 1 << 18 };
static struct ref {
    uint64_t counter CACHE_ALIGNED;
    struct slot { uint32_t version, size; char key[KEY_MAX]; char value[VALUE_MAX]; } slots[SLOTS] CACHE_ALIGNED;
} *ref;

static void ref_setup(void) { ref = shared_memory(sizeof *ref); }
static struct slot *ref_find(const char *key)
{
    uint64_t words[2] = { 0, 0 };
    memcpy(words, key, strlen(key));
    uint64_t h = (words[0] ^ (words[1] * 0x9e3779b97f4a7c15u)) * 0xff51afd7ed558ccdu;
    for (uint32_t at = (uint32_t)(h >> 40);; at++) {
        struct slot *s = &ref->slots[at % SLOTS];
        if (s->key[0] == 0 || memcmp(s->key, words, KEY_MAX) == 0)
            return s;
    }
}
static void ref_set(const char *key, const void *value, size_t size)
{
    struct slot *s = ref_find(key);
    uint32_t v = __atomic_load_n(&s->version, __ATOMIC_RELAXED);
    while ((v & 1) || !__atomic_compare_exchange_n(&s->version, &v, v + 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        cpu_pause();
        v = __atomic_load_n(&s->version, __ATOMIC_RELAXED);
    }
    __atomic_thread_fence(__ATOMIC_RELEASE);
    strncpy(s->key, key, KEY_MAX);
    s->size = (uint32_t)size;
    memcpy(s->value, value, size);
    __atomic_store_n(&s->version, v + 2, __ATOMIC_RELEASE);
}
static void ref_get(uint32_t index, const char *key)
{
    struct slot *s = ref_find(key);
    char value[VALUE_MAX];
    for (;;) {
        uint32_t v = __atomic_load_n(&s->version, __ATOMIC_ACQUIRE), size = s->size;
        memcpy(value, s->value, VALUE_MAX);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (!(v & 1) && __atomic_load_n(&s->version, __ATOMIC_RELAXED) == v) {
            check_value(index, value, size);
            return;
        }
        cpu_pause();
    }
}
static void ref_zero(void) { ref->counter = 0; }
static void ref_add(void) { __atomic_fetch_add(&ref->counter, 1, __ATOMIC_RELAXED); }
static uint64_t ref_read(void) { return ref->counter; }

static const struct peer peers[] = {
    { "lmdb-c", lmdb_setup, lmdb_open, lmdb_begin_load, lmdb_end_load, lmdb_set, lmdb_get, lmdb_zero, lmdb_add, lmdb_read, NULL },
    { "ref-shm", ref_setup, nothing, NULL, NULL, ref_set, ref_get, ref_zero, ref_add, ref_read, NULL },
};
static const struct peer *find_peer(const char *name)
{
    for (size_t i = 0; i < sizeof peers / sizeof *peers; i++)
        if (strcmp(peers[i].name, name) == 0)
            return &peers[i];
    return NULL;
}
