/* The one place where tasks sleep.
 *
 * A wait is "sleep while these 32-bit words have these values". Whoever changes such a word unparks
 * it afterwards. A wake is a hint, never a grant: who wakes looks again. Every primitive is a word
 * or two and the calls below.
 *
 *     static int event_try(void *object)                         try once: 0, a result, or -EAGAIN:
 *     not now
 *     static int event_words(void *object, struct wait_word *words)      what to sleep on
 *     meanwhile; how many words, 0: look again
 *
 * Private words go through the lot (lot.c): hashed short queues that know both kinds of sleeper.
 * Shared words go to the kernel's futex (shared.c); a coroutine's through its worker's ring
 * (ring.c) or one helper thread per process (helper.c). Nothing here allocates: the records lie on
 * the sleeper's stack. */
#ifndef WAIT_WAIT_H
#define WAIT_WAIT_H

#include "base/atomic.h"
#include "base/list.h"

#include <plait/macros.h>

#define WAIT_NEVER INT64_MAX
/* Variables that each call reads: hidden, so that the shared library reaches them without the
 * detour by its table of addresses. */
#define WAIT_HOT __attribute__((visibility("hidden")))

struct wait_word {
    uint32_t *word;
    uint32_t seen;
    bool shared;
    bool first; /* private: before all who sleep on it, for one who was woken in vain and keeps his
                   place */
    bool owned; /* shared: bits 29..0 are zero or its holder's TID, so the patrol may find that
                   thread gone and mark the word; any other number there must be left alone */
    bool all;   /* shared: a wake is meant for all who sleep on it */
    bool looks; /* shared: there is more to be looked at than this word, so look at each patrol */
};

struct os_ring;
struct wait_self;
struct wait_holder;
/* wait/look.h: fills `who`, at most `most`; how many. */
typedef int wait_holders(const struct wait_self *waiter, const void *shown, struct wait_holder *who,
                         int most);

/* What a task does at the moment, for dumps. Written by the task alone, read by anybody as a hint:
 * every field is one store. */
struct wait_note {
    const char *verb; /* "acquire"; NULL: it runs */
    const char *type; /* "lock" */
    const void *object;
    void *place; /* return address of the user's call */
    int64_t since;
    int64_t due;            /* when its own thread looks for a deadlock; WAIT_NEVER: not */
    wait_holders *holders;  /* of the object; NULL: not known */
    const void *moved;      /* the lock whose sleeper it has become (wait_move), by who moved it */
    bool may_fail, endless; /* it may end with -EDEADLK | it has no deadline */
    uint32_t turn;          /* counts waits, so that two looks can tell one wait from the next */
    uint32_t looked;        /* the turn of the last wait that a round looked after */
};

/* How a task sleeps and is told. One in each task's record; the record's memory is never given back
 * while the program runs, so a waker may touch it late.
 *
 * state, one word, counts from "awake" to "told":
 *   0 WAIT_AWAKE   it runs
 *   1 WAIT_ARMED   its records are in the lot; it may still be looking, spinning, or switching away
 *   2 WAIT_ASLEEP  its carrier has put it to sleep: who fires must rouse it
 *   3 WAIT_TIMEOUT, 4 WAIT_CANCEL, 5 WAIT_LOOK (look.h), 8 + i: word i was unparked Only ARMED and
 *   ASLEEP may be fired, by one compare-and-swap: so exactly one waker, timer or cancel wins. */
struct wait_self {
    uint32_t state;
    /* bit 0: cancelled and not yet told; bit 1: it was told at least once; bit 2: the block that it
     * is in was cancelled, and not yet told */
    uint32_t cancel;
    uint32_t taken;  /* which of them its last -ECANCELED told */
    uint32_t shield; /* depth of plait_shielded: waits are not cancelled */
    uint32_t random; /* for choices in the lot, seeded */
    /* > 0: it holds shared words, which stand on its thread's robust list: it must stay there,
     * also if movable */
    uint32_t pinned;
    /* Private locks that it holds: while there are any it runs no other task's job (pool/help.c) */
    uint32_t locks;
    /* Grows when the poller has something to tell; waits for descriptors sleep on it, because
     * memory of their own might be gone when it tells (sched/poll.c) */
    uint32_t told;
    const struct wait_carrier *carrier;
    int64_t limit;      /* deadline of the scope around; WAIT_NEVER without */
    bool cut;           /* a wait ended because of it */
    uint32_t *covered;  /* shared word that a death now must wake (robust.h); survives a switch */
    uint32_t *woken_on; /* the word of the last wake, for passing it on; a hint */
    struct wait_note note;
    struct wait_later { /* wakes that a signal handler of this thread asked for inside the lot */
        uint32_t *word;
        int count;
        uint32_t more;
    } later[4];
    volatile int in_lot;    /* > 0: this thread holds a bucket, a handler must not take one */
    struct wait_held *held; /* what it holds, in checked mode (held.h); NULL: nothing yet */
};

enum { WAIT_AWAKE, WAIT_ARMED, WAIT_ASLEEP, WAIT_TIMEOUT, WAIT_CANCEL, WAIT_LOOK, WAIT_WORD = 8 };

/* The wake-up table: how a carrier puts its task to sleep and makes it run again. wait/ owns it,
 * wait/thread.c and sched/ fill one in each. Everything else calls down. */
struct wait_carrier {
    /* self->state is ARMED or already fired. Returns once it has fired; at the deadline calls
     * wait_fire(self, WAIT_TIMEOUT). Spurious returns are allowed. */
    void (*sleep)(struct wait_self *self, int64_t deadline);
    /* self->state was ASLEEP and has just been fired by the caller: make it run. No user code, no
     * allocation; any thread of plait may call it. */
    void (*rouse)(struct wait_self *self);
    /* The same of several; NULL: one by one. */
    void (*rouse_many)(struct wait_self *const *selves, int count);
    bool is_coroutine;
    /* Has the calling task so many bytes of stack left? NULL: always. */
    bool (*has_room)(const struct wait_self *self, size_t bytes);
    /* Lets others run first that can; false: there are none. NULL: as if there were none. */
    bool (*give_way)(struct wait_self *self);
    /* A ring that can sleep on shared words for the calling task; NULL, or none: there is none. */
    struct os_ring *(*ring)(struct wait_self *self);
};
extern const struct wait_carrier wait_thread_carrier;

/* Filled in by task/: makes a record for a foreign thread at its first call. Never NULL: without
 * memory it stops the program with a message. */
extern struct wait_self *(*wait_adopt)(void);

/* The calling task. initial-exec: one instruction. Set by who switches to it, never after a switch,
 * since compilers keep addresses of thread-locals across calls. */
#ifdef PLAIT_EXPLORE
extern struct wait_self *wait_current;
#else
extern __thread struct wait_self *wait_current __attribute__((tls_model("initial-exec")));
#endif
static inline struct wait_self *wait_me(void)
{
    struct wait_self *self = wait_current;
    return likely(self != NULL) ? self : wait_adopt();
}
void wait_self_init(struct wait_self *self, const struct wait_carrier *carrier);

/* ---- sleeping */
enum { WAIT_WORDS_MOST = 16 };
/* Sleeps while each word has its `seen` value. Which word was unparked, or -EAGAIN (one had another
 * value, or time to look again), -ETIMEDOUT, -ECANCELED (told once; not inside a shield), -EDEADLK
 * (look for a deadlock: only with wait_on_holders). count 0
 * is a plain sleep. */
int wait_park(const struct wait_word *words, int count, int64_t deadline);

/* The same for callers with words beyond WAIT_WORDS_MOST, of both kinds, the last `shared` of them
 * shared: each node has its word, the value seen, and the index to be told; the rest is filled in
 * here. When the whole wait is over: wait_nodes_done. */
struct lot_node;
int wait_park_nodes(struct lot_node *nodes, int count, int shared, int64_t deadline);
void wait_nodes_done(const struct lot_node *nodes, int count, int shared);

/* The loop of every call that waits: try; else park on the words; until it succeeds or the
 * deadline. A task that was woken tries once more before it says -ETIMEDOUT or -ECANCELED, so that
 * no wake is swallowed. */
struct wait_call {
    int (*attempt)(void *object); /* 0 or a result >= 0 or an error; -EAGAIN: would have to wait */
    int (*words)(
        void *object,
        struct wait_word *
            /* Announces the sleeper (sets W bits) and says what to sleep on; 0: look again */
            words);
    const char *verb, *type;
};
int wait_until(const struct wait_call *call, void *object, const void *shown, int64_t deadline,
               void *place);
/* The same for who has tried already, with a deadline that is none or lies ahead. */
int wait_until_tried(const struct wait_call *call, void *object, const void *shown,
                     int64_t deadline, void *place);
/* The same for a block that cannot say no: no deadline, no cancel, whatever the scope says. */
int wait_until_done(const struct wait_call *call, void *object, const void *shown, void *place);
/* Until *word, a private one, is no longer `seen`; who changes it unparks it. */
int wait_for_change(uint32_t *word, uint32_t seen, int64_t deadline, void *place);
/* For the few that call wait_park themselves: what dumps show meanwhile. */
void wait_note_begin(struct wait_self *self, const struct wait_call *call, const void *shown,
                     void *place);
void wait_note_end(struct wait_self *self);
/* Filled in by a child process: its page shows it too */
extern void (*wait_note_mirror)(const struct wait_self *self);
/* Filled in by plait_exit: after each wait */
extern void (*wait_interrupted)(struct wait_self *self);

/* Rule 1 of the interface: a deadline before the program's start is a duration: stops the program
 * with the place. */
void wait_bad_deadline(int64_t deadline, void *place) __attribute__((cold));
extern WAIT_HOT int64_t wait_epoch; /* clock at the program's start */
#define WAIT_CHECK_DEADLINE(deadline)                                                              \
    do {                                                                                           \
        if (unlikely((deadline) < wait_epoch) && (deadline) != 0)                                  \
            wait_bad_deadline(deadline, __builtin_return_address(0));                              \
    } while (0)

/* A failed try of PLAIT_NOW: gives others a turn now and then, lest a loop of tries holds them up;
 * returns -EAGAIN. */
int wait_not_now(void);

/* ---- waking. Private words: the longest sleeper first (deterministic mode: a seeded choice);
 *  shared: futex wake. Returns how many were woken. */
int wait_unpark(uint32_t *word, int count, bool shared);
/* As wait_unpark on a private word; before anybody is fired it ORs `woken` into *word if it takes a
 * thread out, and `more` while others remain: the lock's "one is on his way" and the W bit of lock
 * and queue words. Whoever was taken out tries again before his call returns, also if he timed out
 * meanwhile. */
int wait_unpark_marking(uint32_t *word, int count, uint32_t woken, uint32_t more);

/* ---- a sleeper that will want a lock next: a wake moves it to those who sleep on the lock's word
 * instead, and wakes one only when nobody holds the lock, who would wake it. Otherwise a hundred
 * woken ones would fight for a lock that one can have. */
struct wait_onto {
    const void *object; /* the lock: all who sleep on one word must have the same */
    uint32_t *word;    /* the word of its sleepers; NULL: it has none that the lot knows, so wake */
    uint32_t held;     /* set in *word: whoever takes it off wakes one if he sees `sleepers` */
    uint32_t sleepers; /* to be set in *word for those who were moved */
    uint32_t woken;    /* as wait_unpark_marking's */
    const void *clash; /* out: see below */
};
/* Queues the caller as a sleeper of `word`, calls leave(object), which gives the lock back, and
 * sleeps. 0: it was woken, or moved, in which case a time-out or a cancel that came later is not
 * told: what it was woken for is its own. -EAGAIN: *word has another value; -ECANCELED before
 * leave: neither did anything. -EXDEV: others sleep on the word with onto->clash as their
 * lock. */
int wait_park_onto(const struct wait_word *word, struct wait_onto *onto,
                   void (*leave)(void *object), void *object, int64_t deadline);
/* Moves up to `count` sleepers of the word, the longest first; takes `mark` off *word when none is
 * left. How many were moved or woken. */
int wait_move(uint32_t *word, int count, uint32_t mark);

/* How many sleep on this private word at this moment. */
uint32_t wait_sleepers(uint32_t *word);

/* Tells a task's own wait: cancel. True when this call ended one. Also makes the next wait end when
 * none is under way. May be called in signal handlers. */
void wait_cancel(struct wait_self *self);
bool wait_was_canceled(const struct wait_self *self); /* a cancel is pending, or was told */
/* The caller has been given -ECANCELED and cannot pass it on: its next wait tells it. */
void wait_cancel_again(struct wait_self *self);
/* The block that the task is in is cancelled, not the task; and what was not told of that is taken
 * back, by the task itself. */
void wait_cancel_block(struct wait_self *self);
void wait_cancel_block_forget(struct wait_self *self);
bool wait_cancel_block_is_due(const struct wait_self *self);
/* ARMED or ASLEEP -> outcome; rouses. False: somebody else was first, or it is awake. */
bool wait_fire(struct wait_self *self, uint32_t outcome);

/* ---- time: virtual in deterministic mode */
int64_t wait_now(void);
int64_t wait_now_coarse(void);   /* for notes, since these are written at each sleep */
extern int64_t wait_virtual_now; /* 0: real time */
/* A try in vain, or a yield: it takes a microsecond of virtual time, because a loop of them waits
 * for somebody who may be asleep, and the clock moves otherwise only when nobody runs. */
static inline void wait_pass_time(void)
{
    if (unlikely(wait_virtual_now != 0))
        wait_virtual_now += 1000;
}

/* ---- switches that the task did not ask for: at each call in deterministic mode; at the calls
 * that may
 *  wait also when the watcher asks who has long run to let others (wait_ask), and there alone,
 *  because a pinned coroutine may rely on others of its worker not running meanwhile. One load and
 *  a branch otherwise */
extern WAIT_HOT bool wait_deterministic, wait_pointed;
/* Checked mode (sync/check.h), decided at plait's first use; and any of the three, which is what
 * fast paths ask, so that all cost one load and a branch. Not by atom_load, because they are no
 * points where the explorer needs to choose. */
extern WAIT_HOT bool wait_checked, wait_odd;
static inline bool wait_is_checked(void)
{
    return unlikely(__atomic_load_n(&wait_checked, __ATOMIC_RELAXED));
}
static inline bool wait_is_odd(void)
{
    return unlikely(__atomic_load_n(&wait_odd, __ATOMIC_RELAXED));
}
void wait_set_modes(bool deterministic, bool checked);
/* Each call that may wait comes to wait_switch, until this is taken back. */
void wait_ask(bool asked);
extern void (*wait_switch)(
    void); /* filled in by sched/: lets somebody else run, by the seed or as asked */
#define WAIT_POINT()                                                                               \
    do {                                                                                           \
        if (unlikely(wait_deterministic))                                                          \
            __atomic_load_n(&wait_switch, __ATOMIC_RELAXED)();                                     \
    } while (0)
#define WAIT_POINT_OF_WAIT()                                                                       \
    do {                                                                                           \
        if (unlikely(__atomic_load_n(&wait_pointed, __ATOMIC_RELAXED)))                            \
            __atomic_load_n(&wait_switch, __ATOMIC_RELAXED)();                                     \
    } while (0)
/* Filled in by sched/: every 8th failed try of a coroutine gives others a turn, so that a loop of
 * tries does not hold up its worker. */
extern void (*wait_turn)(void);
uint32_t
wait_random(struct wait_self *self); /* xorshift; the seed's sequence in deterministic mode */

/* The child of a fork: nobody else is here. Empties the lot; `self` sleeps as a thread from now on.
 */
void wait_after_fork(struct wait_self *self);
/* How many forks lie between this process and the program's start, and who survived the last one: a
 * private object marked in another generation was marked by a task that is not here, unless that
 * was the forker. */
extern WAIT_HOT uint32_t wait_forks;
extern struct wait_self *wait_forker;
/* Counters for plait_counters_read. */
extern uint64_t wait_count_waits, wait_count_wakes;

#endif
