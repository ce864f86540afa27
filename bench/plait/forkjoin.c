/* forkjoin ITEM N - fork-join in ms: fib 35, nqueens 12, uts 0; `idle 35`: CPU seconds per second
 * in the 2 s after a fib. PLAIT_WORKERS says how many. The work is bench/peers/pool/kit.h's. */
#include "../peers/pool/kit.h"

#include <plait.h>

static intptr_t fib(intptr_t n)
{
    plait_branch left;
    if (n < 2)
        return n;
    plait_branch_fork(&left, fib, n - 1);
    intptr_t right = fib(n - 2);
    return plait_branch_merge(&left) + right;
}

struct node {
    const char *board;
    int row, n;
};

static intptr_t queens(intptr_t arg)
{
    const struct node *at = (const struct node *)arg;
    plait_branch branches[16];
    struct node nodes[16];
    char boards[16][16];
    intptr_t total = 0;
    int count = 0;
    if (at->row == at->n)
        return 1;
    for (int i = 0; i < at->n; i++) {
        memcpy(boards[i], at->board, (size_t)at->row);
        boards[i][at->row] = (char)i;
        if (!kit_queen_ok(boards[i], at->row))
            continue;
        nodes[count] = (struct node){boards[i], at->row + 1, at->n};
        plait_branch_fork(&branches[count], queens, (intptr_t)&nodes[count]);
        count++;
    }
    while (count)
        total += plait_branch_merge(&branches[--count]);
    return total;
}

static intptr_t tree(uint64_t hash, int count);

static intptr_t child(intptr_t hash)
{
    return tree((uint64_t)hash, kit_uts_children((uint64_t)hash));
}

static intptr_t tree(uint64_t hash, int count)
{
    intptr_t total = 1;
    plait_branch branches[count + 1];
    for (int i = 0; i < count; i++)
        plait_branch_fork(&branches[i], child, (intptr_t)kit_uts_child(hash, i));
    while (count)
        total += plait_branch_merge(&branches[--count]);
    return total;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    intptr_t n = atol(argv[2]);
    struct node root = {"", 0, (int)n};
    double t;
    if (!strcmp(argv[1], "fib"))
        KIT_MEASURE(t, 3, kit_check("fib", (double)fib(n), (double)kit_fib_value((int)n)););
    else if (!strcmp(argv[1], "nqueens"))
        KIT_MEASURE(t, 3,
                    kit_check("queens", (double)queens((intptr_t)&root),
                              (double)kit_queens_value((int)n)););
    else if (!strcmp(argv[1], "uts"))
        KIT_MEASURE(
            t, 3,
            kit_check("uts", (double)tree(kit_mix(KIT_UTS_SEED), KIT_UTS_ROOT), KIT_UTS_NODES););
    else {
        fib(n);
        kit_print(kit_idle(), "cpu-s/s");
        return 0;
    }
    kit_print(t / 1e6, "ms");
    return 0;
}
