/* settle.c: lets go of pages that can be read again. */
#include "kit/settle.h"

#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Relocations within a segment that is said to be read-only: its pages are not those of the file. */
static int
has_text_relocations(const struct dl_phdr_info *object)
{
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &object->dlpi_phdr[i];
        const ElfW(Dyn) * entry;

        if (header->p_type != PT_DYNAMIC)
            continue;
        entry = (const ElfW(Dyn) *)(uintptr_t)(object->dlpi_addr + header->p_vaddr);
        for (; entry->d_tag != DT_NULL; entry++)
            if (entry->d_tag == DT_TEXTREL || (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL)))
                return 1;
    }
    return 0;
}

static int
let_go(struct dl_phdr_info *object, size_t size, void *userdata)
{
    const uintptr_t page = *(const uintptr_t *)userdata;

    (void)size;
    /* "" is the program itself; the kernel's own page has a name without a path */
    if (!object->dlpi_name || (object->dlpi_name[0] && object->dlpi_name[0] != '/') || has_text_relocations(object))
        return 0;
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &object->dlpi_phdr[i];
        const uintptr_t begin = object->dlpi_addr + header->p_vaddr;
        const uintptr_t first = (begin + page - 1) & ~(page - 1);
        const uintptr_t end = (begin + header->p_memsz) & ~(page - 1); /* the last page may be a neighbour's, too */

        if (header->p_type == PT_LOAD && !(header->p_flags & PF_W) && end > first)
            (void)madvise((void *)first, end - first, MADV_DONTNEED);
    }
    return 0;
}

void
ga_settle(void)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

    (void)dl_iterate_phdr(let_go, &page);
}
