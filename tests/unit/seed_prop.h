/* seed_prop.h: what the property tests of the seed-manager's editors share: chance, files, programs as oracles. */
#ifndef SEED_PROP_H
#define SEED_PROP_H

#include "plugins/seed-manager/edit_bytes.h"

#include <stdint.h>

/* Chance that repeats: the same seed gives the same numbers. The seed is not 0. */
struct chance {
    uint64_t state;
};

/* A number from 0 up to, not including, n. */
size_t chance_below(struct chance *chance, size_t n);

/* One of the texts of a list of n. */
const char *chance_text(struct chance *chance, const char *const *texts, size_t n);

/* Up to 12 pieces of a list of n, one behind the other, in value (`size` bytes); each piece has at most 7 bytes. */
void chance_join(struct chance *chance, const char *const *pieces, size_t n, char *value, size_t size);

/* A new folder under TMPDIR, in path; prop_folder_end() removes it with the files in it. */
void prop_folder(char *path, size_t size);
void prop_folder_end(const char *path);

/* Writes folder/name. */
void prop_write(const char *folder, const char *name, const char *data, size_t len);

/* Runs argv (NULL at its end) with its output in `out`, which is empty before. Returns its exit status, more than 128
 * when a signal ended it, -1 when it could not be started. */
int prop_run(const char *const *argv, struct edit_bytes *out);

/* Whether `after` is `before` with bytes from..to replaced by any others. */
int prop_differs_only_in(const struct edit_bytes *before, const struct edit_bytes *after, size_t from, size_t to);

/* Whether `after` is `before` with something added in one place. */
int prop_only_added(const struct edit_bytes *before, const struct edit_bytes *after);

#endif
