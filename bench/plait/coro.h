/* coro.h - what the drivers of the coroutine items share: their arguments, crews, and a main
 * that runs the item in a root coroutine, because Go's main is a goroutine. */
#ifndef CORO_H
#define CORO_H

#include "bench.h"

static double args[3]; /* COUNTS */

static plait_task **tasks_new(long count)
{
    plait_task **tasks = calloc((size_t)count, sizeof *tasks);
    need(tasks != NULL, "no memory");
    return tasks;
}

static void join_each(plait_task **tasks, long count)
{
    for (long i = 0; i < count; i++)
        join(tasks[i]);
}

/* A figure of /proc/self/status in bytes: VmRSS, VmPTE, VmHWM. */
static double status_bytes(const char *key)
{
    char text[256];
    double value = 0;
    FILE *file = fopen("/proc/self/status", "r");
    size_t length = strlen(key);
    while (file && fgets(text, sizeof text, file))
        if (strncmp(text, key, length) == 0)
            value = atof(text + length + 1) * 1024;
    if (file)
        fclose(file);
    return value;
}

struct item {
    const char *name;
    plait_function *run;
};

/* PROGRAM ITEM WORKERS COUNTS... */
static int coro_main(int argc, char **argv, const struct item *items, size_t count)
{
    need(argc >= 3, "usage: PROGRAM ITEM WORKERS COUNTS...");
    const plait_settings settings = {.workers = atoi(argv[2])};
    need(plait_configure(&settings) == 0, "plait_configure failed");
    for (int i = 0; i < 3; i++)
        args[i] = number(argc, argv, 3 + i);
    for (size_t i = 0; i < count; i++)
        if (strcmp(items[i].name, argv[1]) == 0) {
            join(start(PLAIT_COROUTINE, items[i].run, NULL, NULL));
            return 0;
        }
    need(false, "no such item");
    return 1;
}

#endif
