/* os: the quota of CPU time of a container, on a tree of our own. */
#include "harness.h"

#include "os/cgroup.h"

#include <sys/stat.h>

static char root[] = "/tmp/plait-cgroup-XXXXXX";

static const char *below(const char *path)
{
    static char text[2][256];
    static int turn;
    turn = !turn;
    snprintf(text[turn], sizeof text[turn], "%s/%s", root, path);
    return text[turn];
}

static void put_file(const char *path, const char *words)
{
    FILE *file = fopen(below(path), "w");
    ck_assert_ptr_nonnull(file);
    fputs(words, file);
    fclose(file);
}

static int cpus_with(const char *list)
{
    put_file("list", list);
    return os_cgroup_cpus(below("list"), root);
}

static void make_tree(void)
{
    static const char *const folders[] = {"v2", "v2/a", "v2/a/b", "cpu", "cpu/x"};
    ck_assert_ptr_nonnull(mkdtemp(root));
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(mkdir(below(folders[i]), 0700), 0);
}

static void drop_tree(void)
{
    char command[300];
    snprintf(command, sizeof command, "rm -r %s", root);
    ck_assert_int_eq(system(command), 0);
}

TEST_LABELED(cgroup_quota_is_the_smallest_rounded_up, "process")
{
    make_tree();
    ck_assert_int_eq(os_cgroup_cpus("/nowhere", root), 0);
    ck_assert_int_eq(cpus_with("0::/v2/a/b\n"), 0);
    put_file("v2/a/b/cpu.max", "max 100000\n");
    ck_assert_int_eq(cpus_with("0::/v2/a/b\n"), 0);
    put_file("v2/a/cpu.max", "250000 100000\n");
    ck_assert_int_eq(cpus_with("0::/v2/a/b\n"), 3);
    put_file("v2/a/b/cpu.max", "1000 100000\n");
    ck_assert_int_eq(cpus_with("0::/v2/a/b\n"), 1);
    ck_assert_int_eq(cpus_with("0::/v2/a\n"), 3);
    put_file("v2/cpu.max", "nonsense");
    ck_assert_int_eq(cpus_with("0::/v2"), 0);
    put_file("cpu.max", "700000 100000\n"); /* the container's own group, at the mount */
    ck_assert_int_eq(cpus_with("0::/\n"), 7);
    ck_assert_int_eq(cpus_with("0::/somewhere/the/host/knows\n"), 7);
    drop_tree();
}

TEST_LABELED(cgroup_v1_quota_is_understood, "process")
{
    make_tree();
    put_file("cpu/x/cpu.cfs_quota_us", "-1\n");
    put_file("cpu/x/cpu.cfs_period_us", "100000\n");
    ck_assert_int_eq(cpus_with("5:cpuset:/x\n4:cpu,cpuacct:/x\n"), 0);
    put_file("cpu/cpu.cfs_quota_us", "150000\n");
    put_file("cpu/cpu.cfs_period_us", "100000\n");
    ck_assert_int_eq(cpus_with("5:cpuset:/x\n4:cpu,cpuacct:/x\n"), 2);
    ck_assert_int_eq(cpus_with("4:cpuacct:/x\n"), 0);
    ck_assert_int_eq(cpus_with("garbage\n\n:\n::\n7:"), 0);
    drop_tree();
}
