// The peers of the queue items. A queue type Q gives Q::Producer{q}.put(v) and Q::Consumer{q}.get(), one of each per thread.
#pragma once
#include "common.hpp"
#include "ck_queue.h"
#include <atomic_queue/atomic_queue.h>
#include <boost/lockfree/queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>
#include <concurrentqueue/blockingconcurrentqueue.h>
#include <glib.h>
#include <memory>
#include <oneapi/tbb/concurrent_queue.h>
#include <readerwriterqueue/readerwritercircularbuffer.h>

constexpr size_t CAPACITY = 1024;

// Ends for queues that need nothing per thread.
template <class Q> struct Ends {
    struct Producer {
        Q &q;
        void put(uint64_t v) { q.put(v); }
    };
    struct Consumer {
        Q &q;
        uint64_t get() { return q.get(); }
    };
};

// Ends for queues that only try: 64 pauses, then yields. They burn a core while they wait.
template <class Q> struct SpinEnds {
    template <class Try> static void until(Try attempt) {
        for (int i = 0; !attempt(); i++) i < 64 ? pause_cpu() : (void)sched_yield();
    }
    struct Producer {
        Q &q;
        void put(uint64_t v) { until([&] { return q.try_put(v); }); }
    };
    struct Consumer {
        Q &q;
        uint64_t get() {
            uint64_t v;
            until([&] { return q.try_get(v); });
            return v;
        }
    };
};

// ---- blocking, bounded ----

struct MutexRing : Ends<MutexRing> {           // what a C programmer writes: ring, mutex, two condition variables
    pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER, not_full = PTHREAD_COND_INITIALIZER;
    size_t head = 0, tail = 0;
    uint64_t ring[CAPACITY];
    void put(uint64_t v) {
        pthread_mutex_lock(&m);
        while (tail - head == CAPACITY) pthread_cond_wait(&not_full, &m);
        ring[tail++ % CAPACITY] = v;
        pthread_cond_signal(&not_empty);
        pthread_mutex_unlock(&m);
    }
    uint64_t get() {
        pthread_mutex_lock(&m);
        while (tail == head) pthread_cond_wait(&not_empty, &m);
        uint64_t v = ring[head++ % CAPACITY];
        pthread_cond_signal(&not_full);
        pthread_mutex_unlock(&m);
        return v;
    }
};

struct TbbBounded : Ends<TbbBounded> {
    tbb::concurrent_bounded_queue<uint64_t> q;
    TbbBounded() { q.set_capacity(CAPACITY); }
    void put(uint64_t v) { q.push(v); }
    uint64_t get() { uint64_t v; q.pop(v); return v; }
};

struct MoodyCircular : Ends<MoodyCircular> {   // one producer, one consumer only
    moodycamel::BlockingReaderWriterCircularBuffer<uint64_t> q{CAPACITY};
    void put(uint64_t v) { q.wait_enqueue(v); }
    uint64_t get() { uint64_t v; q.wait_dequeue(v); return v; }
};

// ---- blocking, unbounded ----

struct MoodyBlocking : Ends<MoodyBlocking> {
    moodycamel::BlockingConcurrentQueue<uint64_t> q;
    void put(uint64_t v) { q.enqueue(v); }
    uint64_t get() { uint64_t v; q.wait_dequeue(v); return v; }
};

struct MoodyTokens {                           // the same with a token per thread: its quick way
    moodycamel::BlockingConcurrentQueue<uint64_t> q;
    struct Producer {
        moodycamel::BlockingConcurrentQueue<uint64_t> &q;
        moodycamel::ProducerToken token;
        Producer(MoodyTokens &o) : q(o.q), token(o.q) {}
        void put(uint64_t v) { q.enqueue(token, v); }
    };
    struct Consumer {
        moodycamel::BlockingConcurrentQueue<uint64_t> &q;
        moodycamel::ConsumerToken token;
        Consumer(MoodyTokens &o) : q(o.q), token(o.q) {}
        uint64_t get() { uint64_t v; q.wait_dequeue(token, v); return v; }
    };
};

struct MoodyBounded : Ends<MoodyBounded> {     // bounded by a semaphore of free places
    moodycamel::BlockingConcurrentQueue<uint64_t> q;
    moodycamel::LightweightSemaphore places{ssize_t(CAPACITY)};
    void put(uint64_t v) {
        while (!places.wait()) {}
        q.enqueue(v);
    }
    uint64_t get() {
        uint64_t v;
        q.wait_dequeue(v);
        places.signal();
        return v;
    }
};

struct GlibAsync : Ends<GlibAsync> {           // pointers; never NULL
    GAsyncQueue *q = g_async_queue_new();
    ~GlibAsync() { g_async_queue_unref(q); }
    void put(uint64_t v) { g_async_queue_push(q, GSIZE_TO_POINTER(v)); }
    uint64_t get() { return GPOINTER_TO_SIZE(g_async_queue_pop(q)); }
};

// ---- bounded, not blocking ----

struct BoostQueue : SpinEnds<BoostQueue> {
    boost::lockfree::queue<uint64_t, boost::lockfree::fixed_sized<true>> q{CAPACITY};
    bool try_put(uint64_t v) { return q.bounded_push(v); }
    bool try_get(uint64_t &v) { return q.pop(v); }
};

struct BoostSpsc : SpinEnds<BoostSpsc> {       // one producer, one consumer only
    boost::lockfree::spsc_queue<uint64_t, boost::lockfree::capacity<CAPACITY>> q;
    bool try_put(uint64_t v) { return q.push(v); }
    bool try_get(uint64_t &v) { return q.pop(v); }
};

struct CkMpmc : SpinEnds<CkMpmc> {             // pointers; holds 1023
    ck_queue *q = ck_queue_new(CAPACITY);
    ~CkMpmc() { ck_queue_free(q); }
    bool try_put(uint64_t v) { return ck_queue_put_mpmc(q, v); }
    bool try_get(uint64_t &v) { return ck_queue_get_mpmc(q, &v); }
};

struct CkSpsc : SpinEnds<CkSpsc> {             // one producer, one consumer only
    ck_queue *q = ck_queue_new(CAPACITY);
    ~CkSpsc() { ck_queue_free(q); }
    bool try_put(uint64_t v) { return ck_queue_put_spsc(q, v); }
    bool try_get(uint64_t &v) { return ck_queue_get_spsc(q, &v); }
};

struct AtomicQueue : SpinEnds<AtomicQueue> {   // 0 means an empty place
    atomic_queue::AtomicQueue<uint64_t, CAPACITY> q;
    bool try_put(uint64_t v) { return q.try_push(v); }
    bool try_get(uint64_t &v) { return q.try_pop(v); }
};

// Calls f(Tag<the peer's type>).
template <class F> int with_blocking_queue(std::string_view peer, F f) {
    if (peer == "c-mutex-ring") return f(Tag<MutexRing>{});
    if (peer == "tbb-bounded") return f(Tag<TbbBounded>{});
    if (peer == "moodycamel-bounded") return f(Tag<MoodyBounded>{});
    if (peer == "moodycamel-rw-circular") return f(Tag<MoodyCircular>{});
    if (peer == "moodycamel") return f(Tag<MoodyBlocking>{});
    if (peer == "moodycamel-tokens") return f(Tag<MoodyTokens>{});
    if (peer == "glib-async") return f(Tag<GlibAsync>{});
    fail("unknown peer");
}

template <class F> int with_queue(std::string_view peer, F f) {
    if (peer == "boost-lockfree") return f(Tag<BoostQueue>{});
    if (peer == "boost-spsc") return f(Tag<BoostSpsc>{});
    if (peer == "ck-mpmc") return f(Tag<CkMpmc>{});
    if (peer == "ck-spsc") return f(Tag<CkSpsc>{});
    if (peer == "atomic_queue") return f(Tag<AtomicQueue>{});
    return with_blocking_queue(peer, f);
}
