/* The primes, one by one: a generator asks another one for candidates. For threads or coroutines
 * change one word. */
#include <plait.h>
#include <stdio.h>

static int odd_numbers(void *first)
{
    for (int n = (int)(long)first;; n += 2)
        if (plait_yield_value(&n, NULL) < 0)
            return 0; /* closed: nobody asks any more */
}

static int primes(void *unused)
{
    plait_generator *odd = plait_generator_open(sizeof(int), odd_numbers, (void *)3, NULL);
    int n, rc = plait_yield_value(&(int){2}, NULL);
    while (rc == 0 && plait_generator_next(odd, &n) == 0) {
        int d = 3;
        while (d * d <= n && n % d)
            d += 2;
        if (d * d > n)
            rc = plait_yield_value(&n, NULL);
    }
    plait_generator_free(odd);
    return rc;
}

static int print_some(void *count)
{
    plait_generator *all = plait_generator_open(sizeof(int), primes, NULL, NULL);
    for (int i = 0, n; i < (int)(long)count && plait_generator_next(all, &n) == 0; i++)
        printf("%d\n", n);
    return plait_generator_free(all), 0;
}

int main(void)
{
    plait_start(NULL, PLAIT_PROCESS, print_some, (void *)8, NULL);
    return plait_join_all(PLAIT_NEVER);
}
