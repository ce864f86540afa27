/* A phone book that many read and one corrects: no reader ever sees half a correction. For
 * coroutines change one word. */
#include <plait.h>
#include <stdio.h>

static plait_rwlock lock;
static struct {
    long number, same;
} book;

static int read_book(void *arg)
{
    int torn = 0;
    for (int i = 0; i < 1000; i++)
        plait_with_read (&lock)
            torn += book.number != book.same;
    return torn;
}

static int correct(void *arg)
{
    for (int i = 0; i < 100; i++) {
        plait_with_write (&lock) {
            book.number++;
            plait_yield(); /* others run meanwhile, but no reader gets in */
            book.same++;
        }
    }
    return 0;
}

int main(void)
{
    for (int i = 0; i < 4; i++)
        plait_start(NULL, PLAIT_THREAD, read_book, NULL, NULL);
    plait_start(NULL, PLAIT_THREAD, correct, NULL, NULL);
    int failed = plait_join_all(PLAIT_NEVER);
    plait_with_read (&lock)
        printf("%ld corrections, %d readers saw half of one\n", book.number, failed);
    return failed;
}
