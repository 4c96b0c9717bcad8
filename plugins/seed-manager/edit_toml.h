/*
 * edit_toml.h: changes string values of named keys in one table of a TOML file, such as seeds and persistent_peers in
 * [p2p] of config.toml, and keeps every other byte: comments, order, spacing, line ends, a missing last line end.
 *
 * It reads TOML 1.0 well enough not to be fooled: strings over several lines that look like tables, dotted keys
 * (p2p.seeds = ...), quoted keys, arrays over several lines, [p2p.sub], [[arrays]]. It refuses, naming the line: what
 * is not TOML; the table or a key given twice; the table written as { } or as [[p2p]]; a key whose value is no string.
 * Duplicates of keys that were not asked for are not looked for.
 * Thread-safe; nothing but the given bytes is read.
 */
#ifndef SEED_EDIT_TOML_H
#define SEED_EDIT_TOML_H

#include "plugins/seed-manager/edit_bytes.h"

struct toml_change {
    const char *key;   /* letters, digits, _ and -; as `table` */
    const char *value; /* UTF-8 */
};

/* The value of a string key. 1: in *value, which the caller frees; 0: the key or the table is not there; -1: refused,
 * `why` (EDIT_WHY_MAX bytes) says why. A value that holds a NUL is refused. */
int edit_toml_get(const struct edit_text *in, const char *table, const char *key, char **value, char *why);

/* Sets n keys, in order. A value that is already there stays as it is written. A key that is not there is added behind
 * the table's last own line, written as that one is. The result is in out, which is empty before and is freed with
 * edit_bytes_free(). 0; -1: refused or the table is not there: `why` says why, out is empty. */
int edit_toml_set(const struct edit_text *in, const char *table, const struct toml_change *changes, size_t n,
                  struct edit_bytes *out, char *why);

#endif
