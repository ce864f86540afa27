/* All kills of one case, counted. */
#include "base/report.h"
#include "kill.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define SOON (50 * PLAIT_MILLISECOND)
enum { AGAIN = 8, AGAIN_STUCK = 5, TRIES = 4 };
enum { STOPS_EACH = 6 }; /* one stop for so many kills */

/* How the survivors of one case learnt of the kills. */
struct tally {
    int kills, got, told, by_patrol, stuck, late, wrong;
    int stops, went_on, waited, overdue;
    int64_t slowest;
    char first[400]; /* where the first fault was */
};

static void note_fault(struct tally *tally, const char *what, int point,
                       const struct outcome *outcome)
{
    char text[200];
    void *place = (void *)(uintptr_t)outcome->place;
    if (!tally->first[0])
        snprintf(tally->first, sizeof tally->first,
                 "%s after instruction %d, at %s: told %d in %.1f ms, beside it %d, %s, %s", what,
                 point, base_place(place, text, sizeof text), outcome->rc,
                 (double)outcome->took / 1e6, outcome->beside, outcome->woken ? "woken" : "awake",
                 outcome->sound ? "sound" : "not sound");
}

static bool is_stuck(const struct outcome *outcome)
{
    return outcome->rc == -ETIMEDOUT || outcome->took > common->patience / 2;
}

static bool is_wrong(const struct outcome *outcome)
{
    return !is_stuck(outcome) && !outcome->sound;
}

static bool is_late(const struct outcome *outcome)
{
    return outcome->took > SOON;
}

/* What was late or stuck is tried again, because other programs may keep a survivor off the CPU: a
 * real fault is there each time. What was wrong is wrong. */
static struct outcome kill_again(const struct kill_case *one, int point)
{
    struct outcome outcome;
    int most = AGAIN;
    for (int i = 0; i < most; i++) {
        outcome = point_kill(one, point);
        if (!outcome.reached || is_wrong(&outcome) || !is_late(&outcome))
            break;
        most = is_stuck(&outcome) ? AGAIN_STUCK : AGAIN;
    }
    return outcome;
}

/* Only what the row says, and nothing that the kernel should have told. */
static bool is_for_patrol(const struct kill_case *one, const struct outcome *outcome)
{
    bool may_be_woken = one->patrol == PATROL_WOKEN || (one->path != PATH_THREAD && one->contended);
    return one->patrol == PATROL_HELD || one->path == PATH_HELPER_ITSELF ||
           (may_be_woken && outcome->woken);
}

/* Nobody patrols: so the kernel told. */
static void kill_at(const struct kill_case *one, int point, struct tally *tally)
{
    struct outcome outcome = point_kill(one, point);
    bool by_patrol = is_late(&outcome) && is_for_patrol(one, &outcome);
    if (by_patrol)
        survivors_patrol(one, true);
    if (is_late(&outcome))
        outcome = kill_again(one, point);
    if (by_patrol)
        survivors_patrol(one, false);
    if (!outcome.reached)
        return;
    tally->kills++;
    tally->got += outcome.rc == 0;
    tally->told += outcome.rc == -EOWNERDEAD;
    tally->by_patrol += by_patrol;
    if (outcome.took > tally->slowest)
        tally->slowest = outcome.took;
    tally->stuck += is_stuck(&outcome);
    tally->wrong += is_wrong(&outcome);
    tally->late += is_late(&outcome) && !is_stuck(&outcome);
    if (is_wrong(&outcome) || is_late(&outcome))
        note_fault(tally,
                   is_stuck(&outcome)   ? "stuck"
                   : is_wrong(&outcome) ? "wrong"
                                        : "late",
                   point, &outcome);
}

static void kill_all(const struct kill_case *one, int points, struct tally *tally)
{
    int all = path_choose(points == KILL_EVERY);
    int count = points > 0 && points < all && !one->planted ? points : all;
    for (int i = 0; i < count && !(one->planted && tally->stuck); i++)
        kill_at(one, path_point((int)((int64_t)i * all / count)), tally);
}

/* The wake that a stopped one has swallowed is passed on by patrol, so there must be one. */
static void stop_all(const struct kill_case *one, int points, struct tally *tally)
{
    int all = path_choose(points == KILL_EVERY);
    int most = points == KILL_FULL ? all : points / STOPS_EACH;
    int count = one->planted ? 0 : most < all ? most : all;
    survivors_patrol(one, true);
    for (int i = 0; i < count; i++) {
        int point = path_point((int)((int64_t)i * all / count));
        struct outcome outcome = point_stop_and_kill(one, point);
        bool goes_on = outcome.beside == 0 || outcome.beside == -EOWNERDEAD;
        tally->stops += outcome.reached;
        tally->went_on += outcome.reached && goes_on && !outcome.waited;
        tally->waited += outcome.waited;
        tally->overdue += outcome.beside == -ETIME;
        tally->wrong += outcome.reached && !outcome.sound;
        if (outcome.beside == -ETIME || (outcome.reached && !outcome.sound))
            note_fault(tally, outcome.sound ? "overdue, stopped" : "wrong, stopped", point,
                       &outcome);
    }
}

static void set_up(const struct kill_case *one)
{
    setenv("PLAIT_PATROL", "0", 1);
    if (one->path >= PATH_HELPER)
        setenv("PLAIT_OS", "-uring_futex", 1);
    if (one->noun->open)
        one->noun->open();
    waiter_start(one->noun);
    survivors_patrol(one, false);
    one->noun->fresh();
    int64_t unused; /* so that what the first call alone does is done before */
    one->noun->use(plait_after(PLAIT_SECOND), &unused);
}

/* Measured again when no point was reached: a helper that had one thing more to do on the measured
 * way did all its work behind the end of the next ones. */
void case_run(const struct kill_case *one, int points, struct sum *sum)
{
    struct tally tally = {0};
    set_up(one);
    bool measured = false;
    for (int i = 0; i < TRIES && tally.kills == 0 && !tally.stuck; i++)
        if (point_measure(one) && path_length() > 0) {
            measured = true;
            kill_all(one, points, &tally);
        }
    if (!measured) {
        printf(
            "BAD %-40s not brought to its operation: no ptrace here? Or no helper sleeps for it\n",
            one->name);
        fflush(stdout);
        _exit(one->planted ? KILL_SKIPPED : 1);
    }
    stop_all(one, points, &tally);
    waiter_end();
    bool good = one->planted ? tally.stuck > 0
                             : tally.kills > 0 && !tally.stuck && !tally.late && !tally.wrong &&
                                   !tally.overdue;
    printf("%-4s%-40s %5d instructions, %4d in full, %4d kills: got %d, told %d; %d by patrol; "
           "stuck %d, late %d, wrong %d; slowest %.1f ms; %d stops: %d went on, %d "
           "waited for it, %d overdue%s%s\n",
           good ? "ok" : "BAD", one->name, path_length(), path_choose(false), tally.kills,
           tally.got, tally.told, tally.by_patrol, tally.stuck, tally.late, tally.wrong,
           (double)tally.slowest / 1e6, tally.stops, tally.went_on, tally.waited, tally.overdue,
           tally.first[0] ? "; " : "", tally.first);
    fflush(stdout);
    __atomic_add_fetch(&sum->kills, tally.kills, __ATOMIC_RELAXED);
    __atomic_add_fetch(&sum->instructions, path_length(), __ATOMIC_RELAXED);
    __atomic_add_fetch(&sum->in_full, path_choose(false), __ATOMIC_RELAXED);
    __atomic_add_fetch(&sum->stops, tally.stops, __ATOMIC_RELAXED);
    __atomic_add_fetch(&sum->by_patrol, tally.by_patrol, __ATOMIC_RELAXED);
    _exit(good ? 0 : 1);
}
