/* `plait doctor`: what this machine gives to plait. With `plait shm` the only part of the
 * tool that looks behind the public interface. */
#include "base/settings.h"
#include "os/os.h"
#include "tour.h"
#include "usage.h"

#include <plait.h>

#include <stdarg.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

extern char **environ;

__attribute__((format(printf, 2, 3))) static void show(const char *name, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    printf("  %-12s ", name);
    vprintf(format, values);
    putchar('\n');
    va_end(values);
}

static void show_machine(void)
{
    struct utsname kernel;
    char libc[64];
    uname(&kernel);
    size_t known = confstr(_CS_GNU_LIBC_VERSION, libc, sizeof libc); /* musl has none to tell */
    puts("machine");
    show("kernel", "%s %s (%s)", kernel.sysname, kernel.release, kernel.machine);
    show("libc", "%s", known ? libc : "not glibc");
    show("CPUs", "%ld here, %d that this process may use%s", sysconf(_SC_NPROCESSORS_ONLN),
         os_cpus(), os_cpus() < os_cpus_allowed() ? " (the container's quota)" : "");
    show("memory", "%ld MB", sysconf(_SC_PHYS_PAGES) / 1024 * (sysconf(_SC_PAGESIZE) / 1024));
}

static int show_features(void)
{
    int missing = 0;
    puts("\nkernel features (PLAIT_OS=-NAME hides one)");
    for (int i = 0; i < OS_FEATURES; i++) {
        const struct os_feature_info *about = os_feature_info(i);
        bool found = os_has(i);
        show(about->name, "%-5s  %s", found ? "found" : "none", about->what);
        if (found)
            continue;
        missing++;
        show("", "       instead: %s", about->without);
        show("", "       costs:   %s", about->cost);
    }
    return missing;
}

static void show_settings(const struct base_settings *now)
{
    puts("\nsettings in force");
    show("workers", "%d, and %d more when some are stuck", now->workers, now->spare_workers);
    show("stack", "%zu KB of address space for a coroutine", now->stack / 1024);
    show("poller", "%s", now->poller ? now->poller : "epoll");
    show("check", "%s", now->check ? "on" : "off");
    show("strict fork", "%s", now->strict_fork ? "on" : "off");
    show("patrol", "each %lld ms", (long long)(now->patrol / PLAIT_MILLISECOND));
    if (now->deterministic)
        show("seed", "%llu: deterministic mode", (unsigned long long)now->seed);
    else
        show("seed", "none");
    for (char **variable = environ; *variable; variable++)
        if (!strncmp(*variable, "PLAIT_", 6))
            show("environment", "%s", *variable);
}

int doctor_main(int argc, char **argv)
{
    if (argc > 1)
        return usage_fail("doctor", "takes no arguments");
    /* Read first, because complaints about variables belong before the page. */
    const struct base_settings *settings = base_settings();
    printf("plait %s\n\n", plait_version());
    show_machine();
    int missing = show_features();
    show_settings(settings);
    printf("\n%s\n", missing ? "plait runs here, with what replaces the missing features."
                             : "plait has all it can use here.");
    return 0;
}
