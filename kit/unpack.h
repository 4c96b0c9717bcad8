/*
 * kit/unpack.h: one file out of an archive that a stranger made.
 *
 * zip, tar, tar.gz, and a bare ELF file, told apart by their content. Nothing is written but the one file that is
 * wanted, into a descriptor of the caller's, so no name in an archive becomes a path. All the same an archive with an
 * absolute name, with "..", with a link or a device in it is refused as a whole: whoever made it meant no good. Thread-
 * safe. Link: libkit-unpack, libarchive.
 */
#ifndef GA_KIT_UNPACK_H
#define GA_KIT_UNPACK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GA_UNPACK_ENTRIES_MAX 10000

struct ga_unpack {
    int         fd;        /* the archive: a regular file open for reading, read from its start */
    const char *name;      /* of the file that is wanted, in whatever folder of the archive it lies */
    int         out_fd;    /* gets its content from the start on; a regular file, empty */
    uint64_t    max_bytes; /* of all entries together when they are unpacked */
    int         cancel_fd; /* readable: give up; 0 or -1: cannot be cancelled */
};

/*
 * Does it; the file is not synced. *ret_bytes gets its size. 0, or a negative errno with a sentence in reterr that
 * names the entry: -EPERM an archive that is not to be trusted, -EFBIG too much in it, -ENOENT the file is not there,
 * -EEXIST it is there more than once, -EBADMSG no archive, or a damaged or encrypted one, -ECANCELED, -ENOMEM, or what
 * kept the file from being written.
 */
int ga_unpack_one(const struct ga_unpack *unpack, uint64_t *ret_bytes, char *reterr, size_t reterr_len);

#ifdef __cplusplus
}
#endif

#endif
