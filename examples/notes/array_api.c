/* What an array offers. Note S1-2-array.
 *
 * Python: Array("i", [1, 2, 3]) and Array("i", 6), which is zeroes; an index reads and writes, a
 * loop walks; Array("c", b"hello")[0] = b"j", whose .value stops at the first NUL and whose .raw
 * does not; what is too long is an error. Here: one size for all elements, a checked index, and the
 * memory itself for loops and texts. */
#include "notes.h"

static plait_array *numbers, *zeroes, *letters;

static int change(void *arg)
{
    int number = 20;
    char letter = 'j';
    return plait_array_set(numbers, 1, &number) | plait_array_set(letters, 0, &letter);
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_PROCESS);
    plait_array_options shared = {.where = PLAIT_SHARED};
    numbers = plait_array_open(sizeof(int), 3, &shared);
    zeroes = plait_array_open(sizeof(int), 6, &shared);
    letters = plait_array_open(1, 6, &shared);
    if (numbers == NULL || zeroes == NULL || letters == NULL)
        return 1;
    for (int i = 0; i < 3; i++)
        plait_array_set(numbers, (size_t)i, &(int){i + 1});
    memcpy(plait_array_memory(letters), "hello", 5);
    plait_start(NULL, carrier, change, NULL, NULL);
    int failed = plait_join_all(PLAIT_NEVER), number = 0;
    for (size_t i = 0; i < plait_array_count(numbers); i++)
        if (plait_array_get(numbers, i, &number) == 0)
            printf("%d ", number);
    const int *all = plait_array_memory(zeroes);
    printf("| %d %d %d %d %d %d\n", all[0], all[1], all[2], all[3], all[4], all[5]);
    printf("%s, %zu bytes\n", (char *)plait_array_memory(letters), plait_array_count(letters));
    printf("index 6 of 6: %s\n", strerror(-plait_array_set(letters, 6, &(char){'!'})));
    plait_array_free(numbers);
    plait_array_free(zeroes);
    plait_array_free(letters);
    return failed;
}
