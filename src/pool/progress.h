/* How far a map has come: told to a callback, drawn on a terminal, at most ten times a second. */
#ifndef POOL_PROGRESS_H
#define POOL_PROGRESS_H

#include <plait/map.h>

struct progress {
    const plait_map_options *options;
    size_t total; /* 0: not known */
    int64_t began, next;
    bool shown, draws;
};

void progress_begin(struct progress *progress, const plait_map_options *options, size_t total);
/* When to look again; PLAIT_NEVER: nobody wants to know. */
int64_t progress_due(const struct progress *progress);
void progress_tell(struct progress *progress, size_t done);
void progress_end(struct progress *progress, size_t done);

#endif
