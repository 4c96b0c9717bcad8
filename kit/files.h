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
 * Every function returns 0 or -errno. On an error there is a sentence in reterr that names the path and what is wrong.
 * Sizes are bytes.
 */

/*
 * Reads a regular file of at most `cap` bytes (a symlink is followed). *ret is the caller's to free and followed by a
 * NUL that is not counted. -EFBIG it is larger than cap, -EINVAL it is no regular file.
 */
int ga_file_read(const char *path, size_t cap, char **ret, size_t *ret_len, char *reterr, size_t reterr_len);

/*
 * Replaces a file in one step: written aside in the same folder, synced, renamed, the folder synced. A file that is
 * there keeps its owner, group and mode; a new one gets `mode`, whatever the umask. A symlink at `path` is replaced,
 * not followed. On an error the old file is as it was, and nothing is left beside it; only when the sync of the folder
 * failed (-EIO) the new one is there, and may be gone after a power cut.
 */
int ga_file_write(const char *path, const void *data, size_t len, mode_t mode, char *reterr, size_t reterr_len);

/*
 * The same, but only when the file still holds `was`, which is looked at when the new content lies ready beside it:
 * what somebody else wrote meanwhile is not lost. -ESTALE when it holds something else, -ENOENT when it is gone.
 */
int ga_file_replace(const char *path, const void *was, size_t was_len, const void *data, size_t len, char *reterr,
                    size_t reterr_len);

/*
 * Makes a folder and those above it that are missing, each with `mode`, whatever the umask. Folders that are there are
 * left as they are; -ENOTDIR something else is in the way. Symlinks to folders are followed.
 */
int ga_folder_make(const char *path, mode_t mode, char *reterr, size_t reterr_len);

#ifdef __cplusplus
}
#endif

#endif
