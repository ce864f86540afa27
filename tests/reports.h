/* What plait reports while a test runs: counted by kind, the texts kept one behind the other. */
#ifndef TESTS_REPORTS_H
#define TESTS_REPORTS_H

#include "harness.h"

#include <pthread.h>
#include <string.h>

static struct {
    pthread_mutex_t lock;
    int count[PLAIT_REPORT_OVERFLOW + 1];
    char text[16384];
} reports = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void reports_note(plait_report kind, const char *text, void *arg)
{
    pthread_mutex_lock(&reports.lock);
    reports.count[kind]++;
    size_t used = strlen(reports.text);
    snprintf(reports.text + used, sizeof reports.text - used, "%s\n", text);
    pthread_mutex_unlock(&reports.lock);
}

static inline void reports_begin(void)
{
    plait_on_report(reports_note, NULL);
}

static inline int reports_of(plait_report kind)
{
    pthread_mutex_lock(&reports.lock);
    int count = reports.count[kind];
    pthread_mutex_unlock(&reports.lock);
    return count;
}

#endif
