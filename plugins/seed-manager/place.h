/*
 * place.h: the files of a deploy folder, read and replaced by handle: no symlink below the folder is followed, what is
 * replaced is proven to be what was read, and owner, group and mode stay.
 *
 * Functions answer with an outcome (GA_OK, GA_REFUSED, GA_UNKNOWN, GA_FAILED) and leave a sentence in `why`
 * (EDIT_WHY_MAX bytes) unless that is GA_OK. Not thread-safe.
 */
#ifndef SEED_PLACE_H
#define SEED_PLACE_H

#include "plugins/seed-manager/edit_bytes.h"

#include <sys/stat.h>

#define PLACE_PATH_MAX 4096
#define PLACE_NAME_MAX 128
#define PLACE_DIGEST_MAX 65           /* SHA-256 in lower-case hex */
#define PLACE_FILE_CAP (1024u * 1024) /* bytes: neither of the two files comes near it */

enum place_which {
    PLACE_ENV, /* config.env */
    PLACE_TOML /* .inference/config/config.toml */
};
#define PLACE_FILES 2

struct place {
    char deploy_dir[PLACE_PATH_MAX];
    int  deploy_fd;    /* deploy_dir */
    int  home_fd;      /* .inference; -1: it is not there yet */
    int  config_fd;    /* .inference/config; -1: it is not there yet */
    int  initialized;  /* .inference/.node_initialized is there: only config.toml counts */
    int  signs_itself; /* .inference/config/priv_validator_key.json is there: the node signs without tmkms */
};

/* A file as it was read. */
struct place_file {
    char        path[PLACE_PATH_MAX + 64]; /* what errors call it */
    char        name[PLACE_NAME_MAX];      /* in its folder */
    int         dir_fd;                    /* its folder; borrowed */
    struct stat st;
    char        digest[PLACE_DIGEST_MAX];
    char       *data; /* followed by a NUL; freed by place_file_done() */
    size_t      len;
};

/* Opens the folders. GA_REFUSED: one of them is a symlink or no folder; GA_UNKNOWN: cannot be opened. place_close() in
 * any case. */
int  place_open(struct place *place, const char *deploy_dir, char *why);
void place_close(struct place *place);

/* Reads one of the two files. GA_REFUSED: a symlink, no regular file, with several hard links, too large; GA_UNKNOWN:
 * not there, not readable. place_file_done() in any case. */
int  place_read(const struct place *place, enum place_which which, struct place_file *ret, char *why);
void place_file_done(struct place_file *file);

/* Whether the file may be replaced: its owner and group can be kept, and its folder can be written. GA_OK or
 * GA_REFUSED, which names the owner and the next step. */
int place_writable(const struct place_file *file, char *why);

/* Writes a new file `name` beside it, with its owner, group and mode, and syncs it. GA_FAILED, also when there is one
 * already; then nothing is left behind. */
int place_put_beside(const struct place_file *file, const char *name, const char *data, size_t len, char *why);

/* Whether inode, time, size and digest are still those that were read. GA_OK, GA_REFUSED (the file changed). */
int place_unchanged(const struct place_file *file, char *why);

/* Puts the file `name` from beside it in its place, after place_unchanged(), and syncs the folder. GA_OK, GA_REFUSED,
 * GA_FAILED. */
int place_rename(const struct place_file *file, const char *name, char *why);

/* Removes `name` beside it, if it is there. */
void place_remove_beside(const struct place_file *file, const char *name);

/* Digest of the regular file `name` beside it; "" when it is not there or cannot be read. */
void place_digest_beside(const struct place_file *file, const char *name, char digest[PLACE_DIGEST_MAX]);

/* SHA-256 in lower-case hex; "" without memory. */
void place_digest(const char *data, size_t len, char digest[PLACE_DIGEST_MAX]);

/* "config.env", ".inference/config/config.toml": for people. */
const char *place_name(enum place_which which);

#endif
