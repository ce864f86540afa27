#include "usage.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *command, *text;
} texts[] = {
    {"tour", "usage: plait tour [DIR] [--json] [--workers N] [--part N]\n"
             "                  [--seconds N]\n\n"
             "Shows what plait does, in under a minute, over the files below DIR (default:\n"
             "here): tasks that compute and tasks that wait; the words of all files, counted\n"
             "by one task, by a pool of N workers of each carrier, and by processes of which\n"
             "one is killed; ten buyers and three tickets; a queue, one whose readers are\n"
             "killed, and 100,000 coroutines asleep; a child killed while its parent waits;\n"
             "two processes that add to one number, and Python's beside them.\n\n"
             "  --json        the same as one JSON object\n"
             "  --workers N   workers that share the work; default: the CPUs that may be used\n"
             "  --part N      only part N, from 1 to 6\n"
             "  --seconds N   counting stops after N seconds with what was done; default 40\n\n"
             "Exit status: 0 all was as it must be; 1 something was not, or a name below DIR\n"
             "could not be read; 2 the command or DIR is wrong.\n"},
    {"doctor", "usage: plait doctor\n\n"
               "Tells what this machine gives to plait: CPUs, kernel, libc, each kernel feature\n"
               "that plait uses, what replaces a missing one and what that costs, the settings.\n"},
    {"trace", "usage: plait trace PATH\n\n"
              "Prints a file that plait_trace_start wrote, its columns aligned; - is standard\n"
              "input.\n"},
    {"shm", "usage: plait shm [--json] [--clean]\n\n"
            "Lists what this user's processes share by name (shm:NAME): kind, bytes, how far\n"
            "it may grow, who has it open. Memory goes with its last user; a name, one page in\n"
            "/dev/shm, may be left over by a killed one until a program opens another.\n\n"
            "  --json    the same as one JSON object\n"
            "  --clean   take away names that are stale or damaged\n\n"
            "Exit status: 0; 1 no memory, or the output failed; 2 the command is wrong.\n"},
    {"help", "usage: plait help [COMMAND]\n\nTells what a command does.\n"},
};

static const char overview[] = "usage: plait COMMAND [ARGUMENTS]\n\n"
                               "  tour [DIR]     see what plait does, on the files below DIR\n"
                               "  doctor         see what this machine gives to plait\n"
                               "  trace PATH     print what the recorder wrote\n"
                               "  shm            list what is shared by name\n"
                               "  help COMMAND   more about one of them\n"
                               "  --version      which plait this is\n";

int usage_fail(const char *command, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    fprintf(stderr, "plait%s%s: ", command ? " " : "", command ? command : "");
    vfprintf(stderr, format, values);
    putc('\n', stderr);
    va_end(values);
    return USAGE_WRONG;
}

int usage_hint(const char *command)
{
    fprintf(stderr, "see: plait help %s\n", command);
    return USAGE_WRONG;
}

int usage_main(int argc, char **argv)
{
    if (argc > 2)
        return usage_fail("help", "one command, not %d", argc - 1);
    if (argc < 2) {
        fputs(overview, stdout);
        return 0;
    }
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!strcmp(argv[1], texts[i].command)) {
            fputs(texts[i].text, stdout);
            return 0;
        }
    return usage_fail("help", "there is no command \"%s\"; see: plait help", argv[1]);
}
