/* A new image is caught here, before main and after all constructors.
 *
 * Constructors of a library run before those of the program that needs it, and one in the program
 * has no way to be the last but by the linker's order. So this one, which runs early, puts a
 * function of its own in the place of the last entry of the program's array of constructors: it
 * calls what stood there and then does not return. That is one store into the process' own copy of
 * a page, and the same in programs with libplait.so and libplait.a, static ones and static-PIE,
 * because glibc and musl all walk that array and read each entry when they get to it. Rejected: an
 * interposed __libc_start_main (static programs have none to call, and versions of it differ), a
 * constructor of the lowest priority (those of the program still come later), a call that main must
 * make (forgotten, it makes a bomb of processes).
 */
#include "base/report.h"
#include "image/image.h"
#include "os/child.h"
#include "os/os.h"
#include "wait/wait.h"

#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef void constructor(int argc, char **argv, char **environment);

void (*image_main)(const struct image_order *order, void *page);

static struct {
    bool is_new, booting;
    const struct image_order *order;
    void *page;
    constructor *last;
} image;

bool image_is_booting(void)
{
    return image.booting;
}

bool image_is_new(void)
{
    return image.is_new;
}

/* Where no such array is: of static programs the linker tells by these. Weak, because in a shared
 * library they are nobody's. */
extern constructor *__init_array_start[] __attribute__((weak, visibility("hidden")));
extern constructor *__init_array_end[] __attribute__((weak, visibility("hidden")));

struct array {
    constructor **start;
    size_t count;
    uintptr_t sealed, sealed_end; /* what is read-only after relocation */
};

static void read_dynamic(const struct dl_phdr_info *program, const ElfW(Dyn) * one,
                         struct array *array)
{
    for (; one->d_tag != DT_NULL; one++)
        if (one->d_tag == DT_INIT_ARRAY)
            array->start = (constructor **)(program->dlpi_addr + one->d_un.d_ptr);
        else if (one->d_tag == DT_INIT_ARRAYSZ)
            array->count = one->d_un.d_val / sizeof *array->start;
}

/* The first object is the program. */
static int read_program(struct dl_phdr_info *program, size_t size, void *arg)
{
    struct array *array = arg;
    for (int i = 0; i < program->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &program->dlpi_phdr[i];
        uintptr_t start = program->dlpi_addr + part->p_vaddr;
        if (part->p_type == PT_DYNAMIC)
            read_dynamic(program, (const void *)start, array);
        if (part->p_type == PT_GNU_RELRO) {
            array->sealed = start & ~(uintptr_t)(OS_PAGE - 1);
            array->sealed_end = start + part->p_memsz;
        }
    }
    return 1;
}

static struct array find_array(void)
{
    struct array array = {0};
    dl_iterate_phdr(read_program, &array);
    if (!array.count && __init_array_start) {
        array.start = __init_array_start;
        array.count = (size_t)(__init_array_end - __init_array_start);
    }
    return array;
}

static void image_caught(int argc, char **argv, char **environment)
{
    if (image.last)
        image.last(argc, argv, environment);
    image.booting = false;
    image_main(image.order, image.page);
    abort();
}

/* false: nothing comes after the caller, or nothing can be put there */
static bool catch_later(constructor *own)
{
    struct array array = find_array();
    constructor **last = array.count ? &array.start[array.count - 1] : NULL;
    if (!last || *last == own)
        return false;
    uintptr_t page = (uintptr_t)last & ~(uintptr_t)(OS_PAGE - 1);
    bool sealed = (uintptr_t)last >= array.sealed && (uintptr_t)last < array.sealed_end;
    if (sealed && os_page_allow((void *)page, true) != 0)
        return false;
    image.last = *last;
    *last = image_caught;
    if (sealed)
        os_page_allow((void *)page, false);
    return true;
}

/* The number of the memfd, when the variable is there and meant for this process. */
static int take_variable(void)
{
    const char *text = getenv("PLAIT_SPAWN");
    char *rest = NULL;
    long descriptor = text ? strtol(text, &rest, 10) : -1, pid = rest ? strtol(rest, NULL, 10) : 0;
    const char *bind = getenv("LD_BIND_NOW");
    if (text && bind && strcmp(bind, "plait") == 0)
        unsetenv("LD_BIND_NOW");
    if (text)
        unsetenv("PLAIT_SPAWN");
    return pid == getpid() && !os_is_privileged() ? (int)descriptor : -1;
}

const struct image_order *image_map(int descriptor, void **page)
{
    struct os_file file;
    if (os_file_look(descriptor, &file) < 0 || file.size <= OS_PAGE)
        return NULL;
    void *copy = os_map_copy(descriptor, file.size);
    if (page)
        *page = os_map_file(descriptor, OS_PAGE);
    if (!copy || (page && !*page))
        return NULL;
    const struct image_order *order = (const void *)((char *)copy + OS_PAGE);
    return image_order_is_good(order, file.size - OS_PAGE) ? order : NULL;
}

int image_first_own(const struct image_order *order)
{
    return 3 + order->descriptors + order->handles;
}

/* What is not the user's must not reach what the user executes. */
void image_keep_own(const struct image_order *order)
{
    for (int i = 3 + order->descriptors; i < image_first_own(order) + IMAGE_OWN; i++)
        os_descriptor_keep(i, false);
}

/* Declared nowhere before, because gcc would then forget the number. */
__attribute__((constructor(102))) static void image_boot(int argc, char **argv, char **environment)
{
    int descriptor = take_variable();
    if (descriptor < 0)
        return;
    image.order = image_map(descriptor, &image.page);
    if (!image.order) {
        base_warn("a new image of this program was started without what it needs");
        _exit(127);
    }
    image.is_new = image.booting = true;
    image_keep_own(image.order);
    wait_epoch = image.order->epoch;
    os_thread_name(program_invocation_short_name);
    if (!catch_later(image_boot))
        image_caught(argc, argv, environment);
}
