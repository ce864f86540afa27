/* Functions across an exec. An address means nothing there, since programs are loaded anywhere; the
 * symbol's name would miss static functions and stripped programs. What stays is the distance from
 * the start of the object that holds it, and the build-id says which object, in which build. */
#include "base/atomic.h"
#include "base/report.h"
#include "image/image.h"
#include "os/os.h"

#include <plait/error.h>

#include <dlfcn.h>
#include <link.h>
#include <string.h>

struct name {
    struct name *next;
    const char *text;
    void (*function)(void);
};
static struct name *names; /* only grows; pushed with RELEASE, read with ACQUIRE */

void plait_register(const char *text, void (*function)(void))
{
    struct name *one = text && function ? os_alloc(sizeof *one) : NULL;
    if (!one)
        base_misuse(NULL, "function", __builtin_return_address(0),
                    "plait_register: no name, no function or no memory");
    *one = (struct name){atom_load(&names, RELAXED), text, function};
    while (!atom_cas(&names, &one->next, one, RELEASE)) /* pairs with the loads of `names` */
        ;
}

static const struct name *name_of(void (*function)(void))
{
    const struct name *one = atom_load(&names, ACQUIRE);
    while (one && one->function != function)
        one = one->next;
    return one;
}

static void (*named(const char *text))(void)
{
    const struct name *one = atom_load(&names, ACQUIRE);
    while (one && strncmp(one->text, text, IMAGE_NAME - 1) != 0)
        one = one->next;
    return one ? one->function : NULL;
}

/* The build-id among the notes at [at, end); its size, 0: none. */
static uint8_t id_in_notes(const char *at, const char *end, uint8_t *id)
{
    while (at + sizeof(ElfW(Nhdr)) <= end) {
        const ElfW(Nhdr) *note = (const void *)at;
        const char *text = at + sizeof *note, *value = text + ((note->n_namesz + 3) & ~3u);
        if (value + note->n_descsz > end)
            return 0;
        if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && memcmp(text, "GNU", 4) == 0) {
            size_t size = note->n_descsz < IMAGE_ID ? note->n_descsz : IMAGE_ID;
            memcpy(id, value, size);
            return (uint8_t)size;
        }
        at = value + ((note->n_descsz + 3) & ~3u);
    }
    return 0;
}

static uint8_t id_of(const struct dl_phdr_info *object, uint8_t *id)
{
    uint8_t size = 0;
    for (int i = 0; i < object->dlpi_phnum && !size; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        const char *start = (const char *)object->dlpi_addr + part->p_vaddr;
        if (part->p_type == PT_NOTE)
            size = id_in_notes(start, start + part->p_memsz, id);
    }
    return size;
}

/* Is it code of this object? */
static bool has_code_at(const struct dl_phdr_info *object, uint64_t offset)
{
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        if (part->p_type == PT_LOAD && part->p_flags & PF_X &&
            offset - part->p_vaddr < part->p_memsz)
            return true;
    }
    return false;
}

struct search {
    uintptr_t address; /* wanted or found */
    struct image_function *function;
};

static int describe_in(struct dl_phdr_info *object, size_t size, void *arg)
{
    struct search *search = arg;
    uint64_t offset = search->address - object->dlpi_addr;
    if (!has_code_at(object, offset))
        return 0;
    search->function->offset = offset;
    search->function->id_size = id_of(object, search->function->id);
    return 1;
}

static int find_in(struct dl_phdr_info *object, size_t size, void *arg)
{
    struct search *search = arg;
    const struct image_function *wanted = search->function;
    uint8_t id[IMAGE_ID];
    if (id_of(object, id) != wanted->id_size || memcmp(id, wanted->id, wanted->id_size) != 0 ||
        !has_code_at(object, wanted->offset))
        return 0;
    search->address = object->dlpi_addr + wanted->offset;
    return 1;
}

static int refuse(void (*function)(void))
{
    char place[128], name[IMAGE_NAME];
    if (!base_symbol((void *)function, name, sizeof name))
        base_format(name, sizeof name, "function");
    base_report(PLAIT_REPORT_MISUSE,
                "%s cannot be found in another process, since its object has no build-id: "
                "write PLAIT_FUNCTION(%s) beside it, or link with -Wl,--build-id",
                base_place((char *)function + 1, place, sizeof place), name);
    return -PLAIT_EFUNCTION;
}

int image_function_describe(void (*function)(void), struct image_function *out)
{
    const struct name *name = name_of(function);
    struct search search = {(uintptr_t)function, out};
    *out = (struct image_function){0};
    if (name)
        base_format(out->name, sizeof out->name, "%s", name->text);
    dl_iterate_phdr(describe_in, &search);
    return out->id_size || name ? 0 : refuse(function);
}

void (*image_function_find(const struct image_function *function))(void)
{
    struct search search = {0, (struct image_function *)function};
    if (function->id_size && dl_iterate_phdr(find_in, &search))
        return (void (*)(void))search.address;
    return function->name[0] ? named(function->name) : NULL;
}
