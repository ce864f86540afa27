/* A shelf in memory that has a name. Each process opens it by that name, as programs would that
 * know nothing of each other, and leaves a book; pointers do not cross, offsets do. One is killed
 * with its book in hand: the book's memory comes back. */
#include <plait.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { PLACES = 4, LARGE = 600000 };

struct shelf {
    plait_lock lock;
    uint64_t books[PLACES]; /* offsets; 0: free */
};

static int make_shelf(void *memory, void *unused)
{
    plait_lock_init(&((struct shelf *)memory)->lock, PLAIT_SHARED);
    return 0;
}

static plait_segment *open_shelf(void)
{
    char name[40];
    snprintf(name, sizeof name, "shelf-%d",
             (int)getpgrp()); /* two runs of this example do not meet */
    plait_segment_options options = {.limit = 1000000, .prepare = make_shelf};
    return plait_segment_open(name, sizeof(struct shelf), &options);
}

static int leave_book(void *text)
{
    plait_segment *segment = open_shelf();
    struct shelf *shelf = segment ? plait_segment_memory(segment) : NULL;
    /* There is room for one that large, no more. */
    char *book = segment ? plait_segment_alloc(segment, LARGE) : NULL;
    if (!book)
        return 1;
    snprintf(book, LARGE, "%s", (char *)text);
    if (strcmp(text, "lost") == 0)
        raise(SIGKILL);
    char *thin = plait_segment_alloc(segment, strlen(book) + 1);
    if (!thin)
        return 1;
    strcpy(thin, book);
    plait_segment_release(segment, book, NULL);
    plait_with (&shelf->lock) {
        int place = 0;
        while (place < PLACES - 1 && shelf->books[place])
            place++;
        if (!shelf->books[place]) /* from now on the book is the shelf's, whoever ends */
            plait_segment_keep(segment, thin, &shelf->books[place]);
    }
    plait_segment_free(segment);
    return 0;
}

int main(void)
{
    static const char *const texts[] = {"Anna Karenina", "lost", "Buddenbrooks", "Cat's Cradle"};
    plait_segment *segment = open_shelf(); /* it lives as long as somebody has it open */
    if (!segment)
        return 1;
    for (int i = 0; i < 4; i++) {
        int status = 0;
        plait_task *task;
        if (plait_start(&task, PLAIT_PROCESS, leave_book, (void *)texts[i], NULL) == 0)
            plait_join(task, &status, PLAIT_NEVER);
        if (status)
            printf("%s: %s\n", texts[i], plait_strerror(status));
    }
    struct shelf *shelf = plait_segment_memory(segment);
    for (int i = 0; i < PLACES; i++)
        if (shelf->books[i])
            printf("%d: %s\n", i, (char *)plait_segment_at(segment, shelf->books[i], 1));
    plait_segment_free(segment);
    return 0;
}
