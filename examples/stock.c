/* A dictionary that several processes change, for as long as one of them lives.
 * Four processes sell apples, and enter what they have sold.
 *
 * No lock around a sale, because an addition is one step; and any other program of the same user
 * that opens "shm:stock-..." meanwhile sees the same stock. */
#include <plait.h>
#include <stdio.h>
#include <unistd.h>

static plait_dict *stock;

/* Sells one apple after the other, until there is none. */
static int sell(void *arg)
{
    long left;
    for (;;) {
        int rc = plait_dict_add(stock, "apples", -1, &left);
        if (rc == 0 && left < 0)
            rc = plait_dict_add(stock, "apples", 1, NULL); /* one too many: it goes back */
        else if (rc == 0)
            rc = plait_dict_add(stock, (const char *)arg, 1, NULL);
        if (rc != 0 || left < 0)
            return rc;
    }
}

static int add_up(const void *key, size_t key_size, const void *value, size_t size, void *arg)
{
    *(long *)arg += *(const long *)value;
    return 0;
}

int main(void)
{
    static const char *const sellers[] = {"Ann", "Bob", "Cem", "Dan"};
    char name[40];
    long apples = 1000, pears = 12, all = 0;
    snprintf(name, sizeof name, "shm:stock-%d", (int)getpid()); /* so that two runs do not meet */
    stock = plait_dict_open(sizeof(long), &(plait_dict_options){.url = name});
    if (stock == NULL || plait_dict_set(stock, "apples", &apples) != 0 ||
        plait_dict_set(stock, "pears", &pears) != 0)
        return 1;
    for (int i = 0; i < 4; i++)
        plait_start(NULL, PLAIT_PROCESS, sell, (void *)sellers[i], NULL);
    int failed = plait_join_all(PLAIT_NEVER);
    if (plait_dict_get(stock, "apples", &apples) == 0 && plait_dict_visit(stock, add_up, &all) == 0)
        printf("%ld apples left, %ld in all\n", apples, all);
    plait_dict_free(stock);
    return failed;
}
