/* Addresses as people read them. dladdr takes the loader's lock for a moment, which is recursive
 * and which libc frees in a child, so that a message may ask for it even from a fatal signal's
 * handler. */
#include "base/report.h"
#include <dlfcn.h>
#include <elf.h>

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* What addr2line wants: in a program linked to a fixed address the address itself, else the
 * distance from where it was loaded. */
static size_t offset_in_module(const void *address, const void *module)
{
    const Elf64_Ehdr *header = module;
    bool fixed = memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 && header->e_type == ET_EXEC;
    return fixed ? (size_t)address : (size_t)((const char *)address - (const char *)module);
}

const char *base_place(void *address, char *text, size_t size)
{
    Dl_info info = {0};
    /* A return address may lie behind the last instruction of a function that calls a noreturn one:
     * so look one byte before. */
    bool known = dladdr((void *)((uintptr_t)address - 1), &info) != 0 && info.dli_fname != NULL;
    if (known && info.dli_sname)
        base_format(text, size, "%s+0x%zx (%s)", info.dli_sname,
                    (size_t)((char *)address - (char *)info.dli_saddr), last_part(info.dli_fname));
    else if (known)
        base_format(text, size, "%p (%s+0x%zx)", address, last_part(info.dli_fname),
                    offset_in_module(address, info.dli_fbase));
    else
        base_format(text, size, "%p", address);
    return text;
}

bool base_symbol(const void *object, char *text, size_t size)
{
    Dl_info info = {0};
    if (!object || dladdr(object, &info) == 0 || !info.dli_sname)
        return false;
    size_t inside = (size_t)((const char *)object - (const char *)info.dli_saddr);
    base_format(text, size, inside ? "%s+0x%zx" : "%s", info.dli_sname, inside);
    return true;
}
