/* plait_select: exactly one case is done, what is left is there for others, nobody sleeps for ever
 * beside something that he or another one could have. */
#include "explorer.h"
#include "sync/lock.h"
#include "wait/lot.h"

#include <plait/case.h>
#include <plait/queue.h>
#include <plait/time.h>

#include <errno.h>
#include <string.h>

enum { LATER = 2000000, MOST = 4 };
void explore_empty(void); /* standins.c: the memory of the execution before */

static plait_queue *left, *right;
static plait_lock lock;
static uint32_t word;
static int got[EXPLORE_TASKS][MOST], count[EXPLORE_TASKS], result[EXPLORE_TASKS], inside;

static void setup_of(size_t capacity)
{
    lot_reset();
    explore_empty();
    lock = (plait_lock){0};
    inside = 0;
    word = 0;
    wait_current = explore_self(0);
    left = plait_queue_open(sizeof(int), capacity, NULL);
    right = plait_queue_open(sizeof(int), capacity, NULL);
    wait_current = NULL;
    memset(got, 0, sizeof got);
    memset(count, 0, sizeof count);
    for (int i = 0; i < EXPLORE_TASKS; i++)
        result[i] = 1;
}

static void setup(void)
{
    setup_of(1);
}

static void setup_two(void)
{
    setup_of(2);
}

static void setup_full(void)
{
    setup_of(1);
    EXPLORE_CHECK(plait_put(left, &(int){8}, PLAIT_NOW) == 0);
    EXPLORE_CHECK(plait_put(right, &(int){9}, PLAIT_NOW) == 0);
}

static int put(int task, plait_queue *queue, int item)
{
    return result[task] = plait_put(queue, &item, PLAIT_NEVER);
}

static int get(int task, plait_queue *queue, int64_t deadline)
{
    int item = 0, rc = plait_get(queue, &item, deadline);
    if (rc == 0)
        got[task][count[task]++] = item;
    return result[task] = rc;
}

/* Gets from either. */
static int get_any(int task, int64_t deadline)
{
    int item = 0;
    plait_case cases[] = {plait_on_get(left, &item), plait_on_get(right, &item)};
    int done = plait_select_cases(cases, 2, deadline);
    for (int i = 0; i < 2 && done >= 0; i++)
        EXPLORE_CHECK(i == done ? cases[i].result == sizeof item : cases[i].result < 0);
    if (done >= 0)
        got[task][count[task]++] = item;
    EXPLORE_CHECK((item != 0) == (done >= 0));
    return result[task] = done < 0 ? done : 0;
}

static int times(int item)
{
    int n = 0;
    for (int i = 0; i < EXPLORE_TASKS; i++)
        for (int j = 0; j < count[i]; j++)
            n += got[i][j] == item;
    return n;
}

/* ---- queues */
static void selects(void)
{
    get_any(0, PLAIT_NEVER);
}
static void selects_in_another_order(void)
{
    explore_self(0)->random = 0x80000001; /* its next numbers are large */
    get_any(0, PLAIT_NEVER);
}
static void selects_twice(void)
{
    get_any(0, PLAIT_NEVER);
    get_any(0, PLAIT_NEVER);
}
static void selects_a_while(void)
{
    get_any(0, LATER);
}
static void puts_left(void)
{
    put(1, left, 11);
}
static void puts_both(void)
{
    put(1, left, 11);
    put(1, right, 12);
}
static void puts_left_twice(void)
{
    put(1, left, 11);
    put(1, left, 12);
}
static void third_puts_right(void)
{
    put(2, right, 12);
}
static void third_gets_left(void)
{
    get(2, left, PLAIT_NEVER);
}
static void third_selects(void)
{
    get_any(2, PLAIT_NEVER);
}
static void cancels(void)
{
    wait_cancel(explore_self(0));
}
static void third_cancels(void)
{
    cancels();
}
static void puts_and_closes(void)
{
    put(1, left, 11);
    plait_queue_close(left);
}
static void fourth_puts_left(void)
{
    put(3, left, 12);
}
static void puts_right_and_closes_left(void)
{
    put(1, right, 12);
    plait_queue_close(left);
}
static void third_closes(void)
{
    plait_queue_close(right);
}
static void selects_until_closed(void)
{
    while (get_any(0, PLAIT_NEVER) == 0)
        ;
}

static void check_two(void)
{
    EXPLORE_CHECK(times(11) == 1 && times(12) == 1);
}
static void check_while(void)
{
    EXPLORE_CHECK(result[0] == 0 || result[0] == -ETIMEDOUT);
    EXPLORE_CHECK(times(11) == (result[0] == 0));
}
/* What a cancelled one has not taken lies there still. */
static void check_canceled(void)
{
    int item = 0;
    EXPLORE_CHECK(result[0] == 0 || result[0] == -ECANCELED);
    EXPLORE_CHECK(times(11) == (result[0] == 0));
    wait_current = explore_self(3);
    EXPLORE_CHECK((plait_get(left, &item, PLAIT_NOW) == 0) == (result[0] != 0));
}
/* The cancel is told by this wait, or is there for the next one. */
static void selects_and_sleeps(void)
{
    int rc = get_any(0, PLAIT_NEVER);
    result[3] = rc == 0 ? plait_select(PLAIT_NEVER, plait_on_time(PLAIT_NEVER)) : rc;
}
static void check_told(void)
{
    EXPLORE_CHECK(result[3] == -ECANCELED);
    EXPLORE_CHECK(times(11) == (result[0] == 0));
}
static void check_ready_first(void)
{
    EXPLORE_CHECK(result[0] == 0 && times(12) == 1);
}
static void check_closed(void)
{
    EXPLORE_CHECK(result[0] == -EPIPE);
}

/* ---- a time before two queues without room: what went over is told of by its own case, and by no
 * other */
static void setup_none(void)
{
    setup_of(0);
}
static void selects_behind_a_time(void)
{
    int items[2] = {0, 0};
    int done = plait_select(LATER, plait_on_time(PLAIT_NEVER), plait_on_get(left, &items[0]),
                            plait_on_get(right, &items[1]));
    EXPLORE_CHECK(done != 0);
    if (done > 0)
        got[0][count[0]++] = items[done - 1];
    EXPLORE_CHECK(done < 0 || items[2 - done] == 0);
    result[0] = done < 0 ? done : 0;
}
static void puts_left_a_while(void)
{
    result[1] = plait_put(left, &(int){11}, LATER);
}
static void third_puts_right_a_while(void)
{
    result[2] = plait_put(right, &(int){12}, LATER);
}
static void check_went_over(void)
{
    EXPLORE_CHECK(times(11) == (result[1] == 0) && times(12) == (result[2] == 0));
    EXPLORE_CHECK(count[0] == (result[0] == 0));
}

/* ---- room */
static void puts_any(void)
{
    int item = 1, other = 2;
    int done = plait_select(PLAIT_NEVER, plait_on_put(left, &item), plait_on_put(right, &other));
    result[0] = done < 0 ? done : 0;
}
static void empties_left(void)
{
    get(1, left, PLAIT_NEVER);
}
static void third_empties_right(void)
{
    get(2, right, PLAIT_NEVER);
}
static void check_room(void)
{
    EXPLORE_CHECK(result[0] == 0 && times(8) + times(9) == count[1] + count[2]);
}

/* ---- free: who sees the effect knows that the select is over with both */
static void puts_left_or_gets_right(void)
{
    int item = 11, other;
    int done = plait_select(PLAIT_NEVER, plait_on_put(left, &item), plait_on_get(right, &other));
    result[0] = done < 0 ? done : 0;
}
static void gets_and_frees_both(void)
{
    get(1, left, PLAIT_NEVER);
    plait_queue *queues[] = {left, right};
    for (int i = 0; i < 2; i++)
        plait_queue_free(queues[i]);
}
static void gets_twice_and_frees_both(void)
{
    get(1, left, PLAIT_NEVER);
    gets_and_frees_both();
}
static void setup_left_full(void)
{
    setup_of(1);
    EXPLORE_CHECK(plait_put(left, &(int){8}, PLAIT_NOW) == 0);
}
static void check_freed(void)
{
    EXPLORE_CHECK(result[0] == 0 && times(11) == 1);
}

/* ---- a lock and a word */
static const struct plait_case_kind acquire = {"acquire", "lock", lock_case_attempt,
                                               lock_case_words, lock_case_pass_on};

static plait_case on_lock(void)
{
    return (plait_case){.kind = &acquire, .object = &lock};
}

static void hold(void)
{
    inside++;
    explore_point(&inside);
    EXPLORE_CHECK(inside == 1);
    inside--;
    plait_lock_release(&lock);
}

static void locks_or_sees(void)
{
    int done = plait_select(PLAIT_NEVER, on_lock(), plait_on_word(&word, 0, PLAIT_PRIVATE));
    EXPLORE_CHECK(done == 0 || done == 1);
    if (done == 0)
        hold();
    result[0] = 0;
}
static void locks_a_while(void)
{
    int done = plait_select(LATER, on_lock());
    EXPLORE_CHECK(done == 0 || done == -ETIMEDOUT);
    if (done == 0)
        hold();
    result[0] = 0;
}
static void second_locks(void)
{
    EXPLORE_CHECK(plait_lock_acquire(&lock, PLAIT_NEVER) == 0);
    hold();
}
static void third_locks(void)
{
    second_locks();
}
static void locks_twice(void)
{
    second_locks();
    second_locks();
}
static void changes_word(void)
{
    atom_store(&word, 1, RELEASE);
    plait_word_wake(&word, 1, PLAIT_PRIVATE);
}
static void locks_and_changes_word(void)
{
    EXPLORE_CHECK(plait_lock_acquire(&lock, PLAIT_NEVER) == 0);
    changes_word();
    hold();
}
static void sees_word(void)
{
    result[0] = plait_select(PLAIT_NEVER, plait_on_time(PLAIT_NEVER),
                             plait_on_word(&word, 0, PLAIT_PRIVATE));
}
static void third_sees_word(void)
{
    result[2] = plait_select(PLAIT_NEVER, plait_on_word(&word, 0, PLAIT_PRIVATE));
}
static void changes_word_for_two(void)
{
    atom_store(&word, 1, RELEASE);
    plait_word_wake(&word, 2, PLAIT_PRIVATE);
}

/* Marks that stay would keep others out, or asleep. */
static void check_lock(void)
{
    EXPLORE_CHECK(((uint32_t)lock.own[1] & (1 | 4 | 8)) == 0);
    EXPLORE_CHECK(result[0] == 0);
}
static void check_seen(void)
{
    EXPLORE_CHECK(result[0] == 1 && (result[2] == 0 || result[2] == 1));
}

#define BOTH(what, prepare, checks, bound, ...)                                                    \
    EXPLORE_ON_ALL(what, prepare, checks, bound, true, false, __VA_ARGS__)
#define MIXED(what, prepare, checks, bound, ...)                                                   \
    {                                                                                              \
        what ", mixed", prepare, {__VA_ARGS__}, {false, true, false}, checks, bound                \
    }

static const struct explore_case cases[] = {
    BOTH("two items, two selects", setup, check_two, 2, selects_twice, puts_both),
    MIXED("two putters", setup, check_two, 2, selects_twice, puts_left, third_puts_right),
    MIXED("a select beside a getter", setup_two, check_two, 2, selects, puts_left_twice,
          third_gets_left),
    MIXED("two selects", setup_two, check_two, 1, selects, puts_left_twice, third_selects),
    {"a select beside a getter, two putters",
     setup_two,
     {selects, puts_left, third_gets_left, fourth_puts_left},
     {false, true, false, true},
     check_two,
     1},
    BOTH("for a while", setup, check_while, 3, selects_a_while, puts_left),
    BOTH("cancelled", setup, check_canceled, 2, selects, puts_left, third_cancels),
    MIXED("cancelled once", setup, check_told, 2, selects_and_sleeps, puts_left, third_cancels),
    MIXED("closed", setup, check_closed, 2, selects_until_closed, puts_and_closes),
    BOTH("closed and ready", setup, check_ready_first, 2, selects, puts_right_and_closes_left),
    MIXED("ready and closed", setup, check_ready_first, 2, selects_in_another_order,
          puts_right_and_closes_left),
    MIXED("both closed", setup, check_closed, 1, selects_until_closed, puts_and_closes,
          third_closes),
    MIXED("behind a time", setup_none, check_went_over, 1, selects_behind_a_time, puts_left_a_while,
          third_puts_right_a_while),
    MIXED("room", setup_full, check_room, 2, puts_any, empties_left, third_empties_right),
    BOTH("put and free", setup, check_freed, 2, puts_left_or_gets_right, gets_and_frees_both),
    BOTH("put after a sleep and free", setup_left_full, check_freed, 2, puts_left_or_gets_right,
         gets_twice_and_frees_both),
    BOTH("a word", setup, check_seen, 3, sees_word, changes_word),
    MIXED("a word for two", setup, check_seen, 2, sees_word, changes_word_for_two, third_sees_word),
    BOTH("a lock or a word", setup, check_lock, 2, locks_or_sees, locks_and_changes_word,
         third_locks),
    BOTH("a lock for a while", setup, check_lock, 2, locks_a_while, second_locks, third_locks),
    MIXED("a lock beside two", setup, check_lock, 1, locks_or_sees, locks_twice, third_locks),
};

EXPLORE_MAIN(cases)
