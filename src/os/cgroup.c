/* A container's quota is not in the affinity mask: 64 CPUs may be seen and two be paid for.
 * Starting 64 workers there makes the kernel stop all of them for most of each period, so the
 * quota must be read, and of every group above ours too, since each limits. */
#include "os/cgroup.h"
#include "os/os.h"
#include "os/text.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { PATH = 1024, TEXT = 4096 };

struct path {
    size_t length;
    char text[PATH];
};

static bool path_add(struct path *path, const char *text, size_t length)
{
    if (path->length + length >= PATH)
        return false;
    memcpy(path->text + path->length, text, length);
    path->length += length;
    path->text[path->length] = '\0';
    return true;
}

static bool read_file(const struct path *group, const char *file, char *text, size_t size)
{
    struct path name = *group;
    return path_add(&name, file, strlen(file)) && os_text_read(name.text, text, size);
}

static int round_up(long long quota, long long period)
{
    if (quota <= 0 || period <= 0 || quota / period > INT_MAX - 1)
        return 0;
    return (int)((quota + period - 1) / period);
}

static int limit_v2(const struct path *group)
{
    char text[128], *end;
    if (!read_file(group, "/cpu.max", text, sizeof text) || text[0] == 'm') /* "max 100000" */
        return 0;
    long long quota = strtoll(text, &end, 10);
    return round_up(quota, strtoll(end, NULL, 10));
}

static int limit_v1(const struct path *group)
{
    char quota[64], period[64];
    if (!read_file(group, "/cpu.cfs_quota_us", quota, sizeof quota) ||
        !read_file(group, "/cpu.cfs_period_us", period, sizeof period))
        return 0;
    return round_up(strtoll(quota, NULL, 10), strtoll(period, NULL, 10)); /* -1: no limit */
}

/* From the group up to the mount. A container without a cgroup name space sees the host's path
 * below a mount that shows only its own group: then the files lie at the mount itself, which is
 * where this walk ends. */
static int smallest(struct path *group, size_t mount, int (*limit)(const struct path *))
{
    int least = 0;
    for (;;) {
        int here = limit(group);
        if (here > 0 && (least == 0 || here < least))
            least = here;
        if (group->length <= mount)
            return least;
        while (group->length > mount && group->text[--group->length] != '/')
            ;
        group->text[group->length] = '\0';
    }
}

static bool names_cpu(const char *list, const char *end)
{
    while (list < end) {
        size_t length = strcspn(list, ",:");
        if (length == 3 && memcmp(list, "cpu", 3) == 0)
            return true;
        list += length + 1;
    }
    return false;
}

/* One line "NUMBER:CONTROLLERS:PATH"; v2 has number 0 and no controllers. */
static int line_cpus(const char *line, size_t length, const char *mount)
{
    const char *controllers = memchr(line, ':', length);
    const char *path =
        controllers ? memchr(controllers + 1, ':', length - (controllers + 1 - line)) : NULL;
    if (!path)
        return 0;
    bool v2 = path == controllers + 1;
    struct path group = {.length = 0};
    if ((!v2 && !names_cpu(controllers + 1, path)) || !path_add(&group, mount, strlen(mount)) ||
        (!v2 && !path_add(&group, "/cpu", 4)))
        return 0;
    size_t root = group.length;
    size_t rest = length - (path + 1 - line);
    if (rest > 1 && !path_add(&group, path + 1, rest)) /* "/" alone is the mount */
        return 0;
    return smallest(&group, root, v2 ? limit_v2 : limit_v1);
}

int os_cgroup_cpus(const char *list, const char *mount)
{
    char text[TEXT];
    int least = 0;
    if (!os_text_read(list, text, sizeof text))
        return 0;
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n");
        int here = line_cpus(line, length, mount);
        if (here > 0 && (least == 0 || here < least))
            least = here;
        line += length + (line[length] == '\n');
    }
    return least;
}
