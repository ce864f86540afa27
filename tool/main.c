/* plait: one command, its parts by name. */
#include "tour.h"
#include "usage.h"

#include <plait.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int version_main(int argc, char **argv)
{
    printf("plait %s\n", plait_version());
    return 0;
}

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {{"tour", tour_main}, {"doctor", doctor_main},    {"trace", trace_main},
                {"shm", shm_main},   {"help", usage_main},       {"--help", usage_main},
                {"-h", usage_main},  {"--version", version_main}};

/* A full disk or a closed pipe must not pass for success. */
static int flush(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    fprintf(stderr, "plait: standard output: %s\n", strerror(errno));
    return status ? status : 1;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return usage_fail(NULL, "a command is missing; see: plait help");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (!strcmp(argv[1], commands[i].name))
            return flush(commands[i].run(argc - 1, argv + 1));
    return usage_fail(NULL, "there is no command \"%s\"; see: plait help", argv[1]);
}
