/* `plait tour`: the parts one after the other, and what they add up to. */
#include "tour.h"
#include "page.h"
#include "result.h"
#include "usage.h"

#include <plait.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { WORKERS_MOST = 256 };

static int cpus(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

/* Before anything is shown, because a wrong word should not cost a second. */
static int check_directory(const char *directory)
{
    int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return usage_fail("tour", "%s: %s", directory, plait_strerror(errno));
    close(descriptor);
    return 0;
}

/* The parts in their order; those after the first of a number belong to it. */
static const struct {
    int number;
    int (*show)(const struct tour *tour);
} parts[] = {{1, tour_timing}, {2, tour_words},    {3, tour_tickets}, {4, tour_queue},
             {4, tour_reader}, {4, tour_sleepers}, {5, tour_death},   {6, tour_updates}};
enum { PARTS = sizeof parts / sizeof *parts, SECONDS = 40, SECONDS_MOST = 86400 };

static int parse_number(const char *option, const char *text, int most, int *value)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (errno || *end || end == text || number < 1 || number > most)
        return usage_fail("tour", "%s takes a number from 1 to %d, not \"%s\"", option, most, text);
    *value = (int)number;
    return 0;
}

static int parse(struct tour *tour, int argc, char **argv, bool *json)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                            {"workers", required_argument, NULL, 'w'},
                                            {"part", required_argument, NULL, 'p'},
                                            {"seconds", required_argument, NULL, 's'},
                                            {NULL, 0, NULL, 0}};
    int option, error = 0;
    argv[0] = (char *)"plait tour"; /* for the complaints of getopt_long */
    while (!error && (option = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (option == 'j')
            *json = true;
        else if (option == 'w')
            error = parse_number("--workers", optarg, WORKERS_MOST, &tour->workers);
        else if (option == 'p')
            error = parse_number("--part", optarg, parts[PARTS - 1].number, &tour->part);
        else if (option == 's')
            error = parse_number("--seconds", optarg, SECONDS_MOST, &tour->seconds);
        else
            error = usage_hint("tour");
    if (error)
        return error;
    if (argc - optind > 1)
        return usage_fail("tour", "one directory, not %d", argc - optind);
    if (optind < argc)
        tour->directory = argv[optind];
    return check_directory(tour->directory);
}

static void begin(const struct tour *tour)
{
    result_text("version", plait_version());
    result_bytes("directory", (const uint8_t *)tour->directory, strlen(tour->directory));
    result_number("cpus", cpus());
    result_number("workers", tour->workers);
    page_title("plait %s: a tour, with %d worker%s on %d CPU%s", plait_version(), tour->workers,
               tour->workers == 1 ? "" : "s", cpus(), cpus() == 1 ? "" : "s");
    if (tour->seeded)
        page_line("(PLAIT_SEED is set aside: a virtual clock measures nothing)");
}

/* On a busy machine a worker may stand still for want of a CPU. That belongs at the end of the
 * page, because a line of stderr in its middle would break it. */
static _Atomic int stood_still;
static _Atomic(char *) awaited;

void tour_await_report(char text[TOUR_REPORT])
{
    atomic_store(&awaited, text);
}

static void on_report(plait_report kind, const char *text, void *arg)
{
    char *taken = kind == PLAIT_REPORT_DROPPED ? atomic_exchange(&awaited, NULL) : NULL;
    if (kind == PLAIT_REPORT_STUCK)
        atomic_fetch_add(&stood_still, 1);
    else if (taken)
        snprintf(taken, TOUR_REPORT, "%s", text);
    else
        fprintf(stderr, "plait: %s\n", text);
}

static int finish(int64_t began, bool failed)
{
    int64_t took = plait_now() - began;
    result_number("stuck_reports", stood_still);
    if (stood_still)
        page_line("(the machine was busy: %d times a worker stood still for 100 ms)", stood_still);
    page_title("%s; %s in all",
               failed ? "Not all was as it must be: see above" : "All was as it must be",
               PAGE_TIME(took));
    result_real("seconds", took / 1e9);
    result_number("status", failed);
    if (!result_close())
        return usage_fail("tour", "the result could not be written");
    return failed;
}

static int run(const struct tour *tour)
{
    int64_t began = plait_now();
    begin(tour);
    int failed = 0;
    for (int i = 0; i < PARTS; i++)
        if (!tour->part || tour->part == parts[i].number)
            failed |= parts[i].show(tour);
    return finish(began, failed);
}

int tour_main(int argc, char **argv)
{
    struct tour tour = {
        .directory = ".", .workers = cpus(), .seconds = SECONDS, .seeded = getenv("PLAIT_SEED")};
    unsetenv("PLAIT_SEED"); /* because a virtual clock measures nothing */
    bool json = false;
    int error = parse(&tour, argc, argv, &json);
    if (error)
        return error;
    error = plait_configure(&(plait_settings){.workers = tour.workers, .dump_signal = SIGUSR1});
    if (error)
        return usage_fail("tour", "%d workers: %s", tour.workers, plait_strerror(error));
    if (json)
        result_open(stdout);
    page_open();
    plait_on_report(on_report, NULL);
    return run(&tour);
}
