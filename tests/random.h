/* A cheap generator of one's own, for choices inside tasks. */
#ifndef TESTS_RANDOM_H
#define TESTS_RANDOM_H

static inline unsigned crew_random(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 16;
}

#endif
