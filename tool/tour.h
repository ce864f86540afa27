/* The parts of `plait tour`. Each shows what it does on the page, writes the same as JSON, and
 * says whether all was as it must be. */
#ifndef TOOL_TOUR_H
#define TOOL_TOUR_H

#include <stdbool.h>

struct tour {
    const char *directory;
    int workers;
    int part;    /* the only one to show; 0: all */
    int seconds; /* the most that part 2 may take */
    bool seeded; /* PLAIT_SEED was set */
};

/* 0, or 1: something was not as it must be, or could not be read; the page tells what. */
int tour_timing(const struct tour *tour);
int tour_words(const struct tour *tour);
int tour_tickets(const struct tour *tour);
int tour_queue(const struct tour *tour);
int tour_reader(const struct tour *tour);
int tour_sleepers(const struct tour *tour);
int tour_death(const struct tour *tour);
int tour_updates(const struct tour *tour);

/* The next report of something dropped is expected: it goes here instead of to stderr. NULL: not
 * any more. */
enum { TOUR_REPORT = 160 };
void tour_await_report(char text[TOUR_REPORT]);

/* `plait tour`'s, `plait doctor`'s, `plait trace`'s and `plait shm`'s whole work: the exit
 * status. */
int tour_main(int argc, char **argv);
int doctor_main(int argc, char **argv);
int trace_main(int argc, char **argv);
int shm_main(int argc, char **argv);

#endif
