/* park, unpark, cancel and time-out of src/wait, for two and three tasks, threads and coroutines
 * mixed. */
#include "explorer.h"
#include "wait/lot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static uint32_t flag, other;
static int result[EXPLORE_TASKS], woken;

static void setup(void)
{
    lot_reset();
    flag = other = 0;
    woken = 0;
    for (int i = 0; i < EXPLORE_TASKS; i++)
        result[i] = 1;
}

static int flag_attempt(void *object)
{
    return atom_load((uint32_t *)object, ACQUIRE) ? 0 : -EAGAIN;
}

static int flag_words(void *object, struct wait_word *words)
{
    words[0] = (struct wait_word){object, 0, false};
    return 1;
}

static const struct wait_call wait_flag = {flag_attempt, flag_words, "wait", "flag"};

/* ---- a flag that is set once: the waiter must see it, whatever happens */
static void waits(void)
{
    result[0] = wait_until(&wait_flag, &flag, &flag, WAIT_NEVER, NULL);
}

static void waits_too(void)
{
    result[2] = wait_until(&wait_flag, &flag, &flag, WAIT_NEVER, NULL);
}

static void sets(void)
{
    atom_store(&flag, 1, RELEASE);
    woken = wait_unpark(&flag, 100, false);
}

static void check_set(void)
{
    EXPLORE_CHECK(result[0] == 0);
}

static void check_both(void)
{
    EXPLORE_CHECK(result[0] == 0 && result[2] == 0 && woken <= 2);
}

/* ---- tokens: each wake is for one; a token that is put is taken, though one of two waiters may
 *  give up */
static int token_attempt(void *object)
{
    uint32_t seen = atom_load(&flag, ACQUIRE);
    while (seen)
        if (atom_cas(&flag, &seen, seen - 1, ACQ_REL))
            return 0;
    return -EAGAIN;
}

static const struct wait_call take_token = {token_attempt, flag_words, "take", "token"};

static void takes(void)
{
    result[0] = wait_until(&take_token, &flag, &flag, WAIT_NEVER, NULL);
}

static void takes_or_gives_up(void)
{
    result[2] = wait_until(&take_token, &flag, &flag, 2000000, NULL);
}

static void puts_one(void)
{
    atom_add(&flag, 1, RELEASE);
    wait_unpark(&flag, 1, false);
}

static void puts_two(void)
{
    puts_one();
    puts_one();
}

static void check_tokens(void)
{
    EXPLORE_CHECK(result[0] == 0);
    EXPLORE_CHECK(result[2] == 0 || result[2] == -ETIMEDOUT);
    EXPLORE_CHECK(flag == (result[2] == 0 ? 0u : 1u));
}

/* ---- a deadline against a wake: one of the two, never neither */
static void waits_a_while(void)
{
    result[0] = wait_until(&wait_flag, &flag, &flag, 2000000, NULL);
}

static void check_deadline(void)
{
    EXPLORE_CHECK(result[0] == 0 || result[0] == -ETIMEDOUT);
}

/* ---- cancel: told exactly once, by this wait or the next; a result outranks it */
static void waits_twice(void)
{
    result[0] = wait_until(&wait_flag, &flag, &flag, WAIT_NEVER, NULL);
    result[1] = wait_park(NULL, 0, 2000000);
}

static void cancels(void)
{
    wait_cancel(explore_self(0));
}

static void cancels_and_sets(void)
{
    wait_cancel(explore_self(0));
    sets();
}

static void check_cancel(void)
{
    EXPLORE_CHECK(result[0] == -ECANCELED);
}

static void check_cancel_once(void)
{
    EXPLORE_CHECK(result[0] == 0 || result[0] == -ECANCELED);
    EXPLORE_CHECK((result[0] == -ECANCELED) + (result[1] == -ECANCELED) == 1);
}

/* ---- unpark says how many it woke, and those are the ones whose wait_park names a word */
static void parks(void)
{
    struct wait_word word = {&flag, 0, false};
    result[0] = wait_park(&word, 1, WAIT_NEVER);
}

static void parks_a_while(void)
{
    struct wait_word word = {&flag, 0, false};
    result[2] = wait_park(&word, 1, 2000000);
}

static void check_count(void)
{
    EXPLORE_CHECK((result[0] == 0) + (result[2] == 0) == woken);
}

/* ---- two words: whichever comes, and the other one's record is gone afterwards */
static void waits_for_either(void)
{
    struct wait_word words[2] = {{&flag, 0, false}, {&other, 0, false}};
    while (!atom_load(&flag, ACQUIRE) && !atom_load(&other, ACQUIRE))
        result[0] = wait_park(words, 2, WAIT_NEVER);
}

static void sets_other(void)
{
    atom_store(&other, 1, RELEASE);
    wait_unpark(&other, 100, false);
}

static void check_either(void)
{
    EXPLORE_CHECK(wait_unpark(&flag, 100, false) == 0);
    EXPLORE_CHECK(wait_unpark(&other, 100, false) == 0);
}

#define BOTH(what, ...) EXPLORE_ON_ALL(what, setup, __VA_ARGS__)

static const struct explore_case cases[] = {
    BOTH("set against wait", check_set, 6, true, false, waits, sets),
    BOTH("set against two waits", check_both, 3, true, false, waits, sets, waits_too),
    BOTH("deadline against set", check_deadline, 6, true, false, waits_a_while, sets),
    BOTH("two tokens, one may give up", check_tokens, 2, true, false, takes, puts_two,
         takes_or_gives_up),
    BOTH("cancel against wait", check_cancel, 6, true, false, waits, cancels),
    BOTH("cancel and set against two waits", check_cancel_once, 4, true, false, waits_twice,
         cancels_and_sets),
    BOTH("how many were woken", check_count, 2, true, false, parks, sets, parks_a_while),
    BOTH("either of two words", check_either, 3, true, false, waits_for_either, sets, sets_other),
};

EXPLORE_MAIN(cases)
