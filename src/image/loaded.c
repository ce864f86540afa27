/* Would a new image have this library before its main? It must: if libplait came by dlopen, main
 * would run there, load it, and start the next one. So the list of what the program and its
 * libraries say that they need, and theirs, is followed; what the loader holds besides came
 * later. */
#include "image/image.h"
#include "os/child.h"

#include <link.h>
#include <string.h>

enum { OBJECTS_MOST = 512 };

static const ElfW(Dyn) * entry_of(const struct link_map *object, ElfW(Sxword) tag)
{
    for (const ElfW(Dyn) *one = object->l_ld; one->d_tag != DT_NULL; one++)
        if (one->d_tag == tag)
            return one;
    return NULL;
}

/* glibc has made it an address, musl has left it a distance. */
static const char *strings_of(const struct link_map *object)
{
    const ElfW(Dyn) *one = entry_of(object, DT_STRTAB);
    uintptr_t at = one ? one->d_un.d_ptr : 0;
    return (const char *)(at < object->l_addr ? at + object->l_addr : at);
}

static bool is_named(const struct link_map *object, const char *name)
{
    const ElfW(Dyn) *own = entry_of(object, DT_SONAME);
    const char *slash = strrchr(object->l_name, '/');
    return (own && strcmp(strings_of(object) + own->d_un.d_val, name) == 0) ||
           strcmp(slash ? slash + 1 : object->l_name, name) == 0;
}

static bool needs(const struct link_map *object, const struct link_map *other)
{
    for (const ElfW(Dyn) *one = object->l_ld; one->d_tag != DT_NULL; one++)
        if (one->d_tag == DT_NEEDED && is_named(other, strings_of(object) + one->d_un.d_val))
            return true;
    return false;
}

/* The object of this address, the first of the list for a program without libraries. */
static int find_own(struct dl_phdr_info *object, size_t size, void *own)
{
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        if (part->p_type == PT_LOAD &&
            (uintptr_t)find_own - object->dlpi_addr - part->p_vaddr < part->p_memsz) {
            *(ElfW(Addr) *)own = object->dlpi_addr;
            return 1;
        }
    }
    return 0;
}

static int read_debug(struct dl_phdr_info *program, size_t size, void *result)
{
    for (int i = 0; i < program->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &program->dlpi_phdr[i];
        const ElfW(Dyn) *one = (const void *)(program->dlpi_addr + part->p_vaddr);
        for (; part->p_type == PT_DYNAMIC && one->d_tag != DT_NULL; one++)
            if (one->d_tag == DT_DEBUG)
                *(const struct r_debug **)result = (const void *)one->d_un.d_ptr;
    }
    return 1;
}

static bool is_needed(const struct r_debug *loader, ElfW(Addr) own)
{
    const struct link_map *known[OBJECTS_MOST] = {loader->r_map};
    for (int next = 0, count = 1; next < count; next++) {
        if (known[next]->l_addr == own)
            return true;
        for (const struct link_map *one = loader->r_map; one && count < OBJECTS_MOST;
             one = one->l_next) {
            int seen = 0;
            while (seen < count && known[seen] != one)
                seen++;
            if (seen == count && needs(known[next], one))
                known[count++] = one;
        }
    }
    return false;
}

bool image_is_catchable(void)
{
    static int known; /* 0: not asked yet, 1 yes, -1 no; the same for whoever asks first */
    ElfW(Addr) own = 0;
    const struct r_debug *loader = NULL;
    if (os_is_privileged())
        return false;
    if (!known) {
        dl_iterate_phdr(find_own, &own);
        dl_iterate_phdr(read_debug, &loader);
        known = !loader || !loader->r_map || is_needed(loader, own) ? 1 : -1;
    }
    return known > 0;
}
