/*
 * edit_env.h: reads and changes variables of a config.env: lines of `export KEY=value` that an operator's shell reads
 * with `.` and docker compose may read as env_file. Every byte but the value stays.
 *
 * Understood: comments, blank lines, `KEY=value` and `export KEY=value` with any quotes, values and lines that go on in
 * the next line, `export KEY ...` without values, `set -a` and `set +a`. Everything else is refused with its line, for
 * it may change a variable unseen: several variables in one line, commands, CR LF (a shell takes the CR into the
 * value). A variable that was asked for is refused when it is set twice (both lines are named: in a shell the last one
 * counts) or is computed by the shell ($, `, ~, {).
 * Thread-safe; nothing but the given bytes is read.
 */
#ifndef SEED_EDIT_ENV_H
#define SEED_EDIT_ENV_H

#include "plugins/seed-manager/edit_bytes.h"

struct env_change {
    const char *key;   /* a shell's name: letters, digits and _, no digit first */
    const char *value; /* UTF-8 without control characters */
};

/* The values of n keys, as a shell has them: values[i] is the caller's to free, NULL: the key is not set in the file.
 * 0; -1: refused, `why` (EDIT_WHY_MAX bytes) says why, and all values are NULL. */
int edit_env_get(const struct edit_text *in, const char *const *keys, size_t n, char **values, char *why);

/* Sets n keys, in order. A value that is already there stays as it is written; another one keeps its quotes where they
 * can hold it. Keys that are not there are added at the end, written as the last exported variable is, or the last one
 * where none is exported (with export, where there are no variables). Values are written such that a POSIX shell and
 * docker compose read the same; the few that cannot be (a ' together with one of $ ` " \, or a final \) are refused.
 * The result is in out, which is empty before and is freed with edit_bytes_free(). 0; -1: refused: `why` says why, out
 * is empty. */
int edit_env_set(const struct edit_text *in, const struct env_change *changes, size_t n, struct edit_bytes *out,
                 char *why);

#endif
