/* Two writers at one end of a pipe. Note S3-3-internals.
 *
 * Python: a Queue has locks, a Pipe has none, so that two processes which write to one end at once
 * corrupt what is read. Here a pipe carries whole messages, and writers never interleave. */
#include "notes.h"

static plait_pipe *ends[2];

static int write_lines(void *word)
{
    char line[2000];
    for (size_t i = 0; i < 100; i++) {
        memset(line, *(char *)word, sizeof line);
        if (plait_pipe_send_bytes(ends[1], line, 1 + i * 19, PLAIT_NEVER) != 0)
            return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_PROCESS);
    char line[2000];
    int whole = 0, torn = 0;
    if (plait_pipe_open(ends, &(plait_pipe_options){.where = where(carrier), .one_way = true}) != 0)
        return 1;
    plait_start(NULL, carrier, write_lines, "a", NULL);
    plait_start(NULL, carrier, write_lines, "b", NULL);
    for (int i = 0; i < 200; i++) {
        ssize_t size = plait_pipe_receive_bytes(ends[0], line, sizeof line, PLAIT_NEVER), same = 0;
        while (same < size && line[same] == line[0])
            same++;
        whole += size > 0 && same == size;
        torn += same < size;
    }
    int failed = plait_join_all(PLAIT_NEVER);
    printf("%d whole, %d torn\n", whole, torn);
    plait_pipe_free(ends[0]);
    plait_pipe_free(ends[1]);
    return failed;
}
