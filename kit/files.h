/*
 * kit/files.h: files read whole and replaced in one step. Thread-safe.
 */
#ifndef GA_KIT_FILES_H
#define GA_KIT_FILES_H

#include <stddef.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Reads a regular file of at most `cap` bytes. 0 with *ret (the caller's, followed by a NUL that is not counted) and
 * *ret_len, or -errno (-EFBIG larger than cap, -EINVAL no regular file) with a sentence that names the path in reterr.
 */
int ga_file_read(const char *path, size_t cap, char **ret, size_t *ret_len, char *reterr, size_t reterr_len);

/*
 * Replaces a file in one step: written aside in the same folder, synced, renamed, the folder synced. A file that is
 * there keeps its owner, group and mode; a new one gets `mode`. A symlink at `path` is replaced, not followed. 0 or
 * -errno with a sentence; then the old file is as it was.
 */
int ga_file_write(const char *path, const void *data, size_t len, mode_t mode, char *reterr, size_t reterr_len);

/*
 * The same, but only when the file still holds `was`: what somebody else wrote meanwhile is not lost. -ESTALE when it
 * does not.
 */
int ga_file_replace(const char *path, const void *was, size_t was_len, const void *data, size_t len, char *reterr,
                    size_t reterr_len);

#ifdef __cplusplus
}
#endif

#endif
