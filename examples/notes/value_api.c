/* What a value offers. Note S1-1-value.
 *
 * Python: Value("i", 3), Value("f", 1.1), Value("c", b"x"); .value reads and writes, and a child's
 * write is seen by its parent, but `v.value += 1` is two steps and needs the value's lock. Here: an
 * add is one step, a wait for the next change is a call, and "f" is a double, which keeps 1.1. */
#include "notes.h"

static plait_value *number, *fraction, *letter;

static int change(void *arg)
{
    for (int i = 0; i < 1000; i++)
        plait_value_add(number, 1);
    plait_value_set_double(fraction, 1.1);
    plait_value_set(letter, 'x');
    return 0;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_PROCESS);
    plait_value *values = plait_share(3 * sizeof *values);
    if (values == NULL)
        return 1;
    for (int i = 0; i < 3; i++)
        plait_value_init(&values[i], PLAIT_SHARED);
    number = &values[0], fraction = &values[1], letter = &values[2];
    plait_value_set(number, 3);
    for (int i = 0; i < 4; i++)
        plait_start(NULL, carrier, change, NULL, NULL);
    int waited = plait_value_wait(letter, 0, plait_after(10 * PLAIT_SECOND));
    int failed = plait_join_all(PLAIT_NEVER);
    printf("waited: %d, failed: %d\n", waited, failed);
    printf("%ld, %.15g, %c\n", (long)plait_value_get(number), plait_value_get_double(fraction),
           (char)plait_value_get(letter));
    int64_t expected = 3;
    bool swapped = plait_value_swap(number, &expected, 4);
    printf("swapped: %d, it is %ld\n", swapped, (long)expected);
    plait_share_free(values);
    return failed;
}
