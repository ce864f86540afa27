/* A hundred squares by a pool of worker processes. For threads or coroutines change one word. */
#include <plait.h>
#include <stdio.h>

static int square(const void *in, void *out)
{
    return *(long *)out = *(const long *)in * *(const long *)in, 0;
}

int main(void)
{
    long squares[100];
    int failed = plait_map(plait_pool_common(PLAIT_PROCESS), square, PLAIT_RANGE, squares, 100,
                           NULL, PLAIT_NEVER);
    return printf("%ld, %d failed\n", squares[99], failed), failed;
}
