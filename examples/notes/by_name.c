/* Tasks as data: a function's name and its bytes, never code. Note S4-DIST.
 *
 * Python: pickle distributes functions and whatever else it is given, and executes what it
 * receives; the note says "better JSON". Here what crosses is a text, and what it may ask for
 * stands in a table: an unknown name is an error, and nothing else happens. */
#include "notes.h"

typedef long operation(long a, long b);

static long add(long a, long b)
{
    return a + b;
}

static long multiply(long a, long b)
{
    return a * b;
}

static const struct {
    const char *name;
    operation *function;
} table[] = {{"add", add}, {"multiply", multiply}};

/* What anybody may have sent: "NAME A B". */
static int perform(const void *input, void *out)
{
    char name[16];
    long a, b;
    if (sscanf(input, "%15s %ld %ld", name, &a, &b) != 3)
        return -EINVAL;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].name, name) == 0)
            return *(long *)out = table[i].function(a, b), 0;
    return -PLAIT_EFUNCTION;
}

int main(int argc, char **argv)
{
    static const char *const texts[] = {"add 2 3", "multiply 6 7", "system 1 2", "add two 3"};
    plait_pool *pool = plait_pool_open(begin(argc, argv, PLAIT_PROCESS), 2, NULL);
    for (int i = 0; i < 4; i++) {
        long result = 0;
        plait_future *future = plait_submit_bytes(pool, perform, texts[i], strlen(texts[i]) + 1,
                                                  sizeof result, NULL, PLAIT_NEVER);
        if (plait_result(future, &result, PLAIT_NEVER) == 0)
            printf("%s: %ld\n", texts[i], result);
        else
            printf("%s: %s\n", texts[i], plait_strerror(plait_future_error(future)));
        plait_future_free(future);
    }
    plait_pool_close(pool, PLAIT_NEVER);
    plait_pool_free(pool);
    return 0;
}
