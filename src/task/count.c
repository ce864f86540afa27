/* Counting what runs: who started it sleeps until the count is 0. */
#include "task/task.h"

#include <errno.h>

int count_attempt(void *object)
{
    return atom_load((uint32_t *)object, ACQUIRE) ? -EAGAIN : 0; /* pairs with count_out */
}

int count_words(void *object, struct wait_word *words)
{
    words[0] = (struct wait_word){.word = object, .seen = atom_load((uint32_t *)object, ACQUIRE)};
    return words[0].seen != 0;
}

const struct wait_call count_call = {count_attempt, count_words, "join", "all tasks"};

/* The last one out wakes who waits; what the count lies in may be gone after the subtraction, so
 * only its address is used. */
void count_out(uint32_t *running)
{
    /* pairs with the ACQUIRE of count_attempt */
    if (atom_sub(running, 1, RELEASE) == 1)
        wait_unpark(running, INT32_MAX, false);
}

void task_count_out(struct task_scope *scope, bool failed)
{
    if (failed)
        atom_add(&scope->failed, 1, RELAXED);
    count_out(&scope->running);
}

void task_finish_children(struct task_record *record)
{
    if (!atom_load(&record->children.running, ACQUIRE))
        return;
    tasks_awaited(record, &record->children, false);
    wait_until_done(&count_call, &record->children.running, NULL, NULL);
    tasks_awaited(record, NULL, false);
}
