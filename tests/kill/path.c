/* Which way an operation takes: the place of each of its instructions, noted while it is stepped
 * through once. After instruction k it stands where instruction k + 1 is, and comes there at full
 * speed by the hits of that place; or, where those are many, by those of a place shortly before and
 * some steps. */
#include "kill.h"

#include <stdlib.h>

enum { STEPS_MOST = 256, STEP_COST = 4, STOP_COST = 8 }; /* in hits */
enum { ROUNDS = 16 };

static struct {
    uint64_t *places;
    bool *changes; /* executing the instruction before changed what outlives the victim */
    int *hits;     /* how often it has come there, this time included */
    bool *is_last; /* the place is not come to again */
    int count, room;
    int *points, few; /* those that are chosen */
} path;

void path_clear(void)
{
    path.count = 0;
}

static bool path_grow(void)
{
    size_t room = path.room ? 2 * (size_t)path.room : 4096;
    uint64_t *places = realloc(path.places, room * sizeof *places);
    if (places)
        path.places = places;
    bool *changes = realloc(path.changes, room * sizeof *changes);
    if (changes)
        path.changes = changes;
    if (places && changes)
        path.room = (int)room;
    return places && changes;
}

bool path_add(uint64_t place, bool changed)
{
    if (path.count == path.room && !path_grow())
        return false;
    path.places[path.count] = place;
    path.changes[path.count++] = changed;
    return true;
}

int path_length(void)
{
    return path.count ? path.count - 1 : 0;
}

static int by_place(const void *left, const void *right)
{
    int a = *(const int *)left, b = *(const int *)right;
    if (path.places[a] != path.places[b])
        return path.places[a] < path.places[b] ? -1 : 1;
    return a - b;
}

static bool is_next_to_change(int i)
{
    return path.changes[i] || i + 1 == path.count || path.changes[i + 1];
}

/* Most would otherwise be those of a memset of 64 KB. */
static bool is_of_few_rounds(int i)
{
    return path.hits[i] <= ROUNDS || path.is_last[i];
}

int path_choose(bool every)
{
    path.few = 0;
    for (int i = 1; i < path.count; i++)
        if (every || (is_next_to_change(i) && is_of_few_rounds(i)))
            path.points[path.few++] = i;
    return path.few;
}

int path_point(int i)
{
    return path.points[i];
}

static bool path_room(size_t count)
{
    free(path.hits);
    free(path.points);
    free(path.is_last);
    path.hits = malloc(count * sizeof *path.hits);
    path.points = malloc(count * sizeof *path.points);
    path.is_last = calloc(count, sizeof *path.is_last);
    return path.hits && path.points && path.is_last;
}

/* One that repeats itself, as for a copy, is hit once and stepped many times. */
bool path_close(void)
{
    size_t count = (size_t)path.count + 1;
    int *order = malloc(count * sizeof *order), hits = 0;
    if (!order || !path_room(count))
        return false;
    for (int i = 0; i < path.count; i++)
        order[i] = i;
    qsort(order, count - 1, sizeof *order, by_place);
    for (int i = 0; i < path.count; i++) {
        int here = order[i];
        bool again = i && path.places[order[i - 1]] == path.places[here];
        bool repeats = again && order[i - 1] == here - 1;
        hits = again ? hits + !repeats : 1;
        path.hits[here] = hits;
        path.is_last[here] = true;
        if (again)
            path.is_last[order[i - 1]] = false;
    }
    free(order);
    return true;
}

struct way path_to(int point)
{
    struct way best = {path.places[0], 1, point};
    int least = STOP_COST + STEP_COST * point;
    for (int i = point; i >= 0 && i >= point - STEPS_MOST; i--) {
        bool repeats = i && path.places[i - 1] == path.places[i];
        int cost = STOP_COST + path.hits[i] + STEP_COST * (point - i);
        if (repeats || cost >= least)
            continue;
        least = cost;
        best = (struct way){path.places[i], path.hits[i], point - i};
    }
    return best;
}
