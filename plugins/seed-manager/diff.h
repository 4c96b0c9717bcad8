/* diff.h: a unified diff of two texts, for a person to read and for patch(1) to apply. Thread-safe. */
#ifndef SEED_DIFF_H
#define SEED_DIFF_H

#include "plugins/seed-manager/edit_bytes.h"

#define DIFF_LINES_MAX 10000 /* lines of one text */
#define DIFF_CONTEXT_MAX 3

struct diff_options {
    size_t context; /* unchanged lines shown around a change, at most DIFF_CONTEXT_MAX; 0 where neighbours are secret */
    size_t max;     /* bytes of output; 0: any */
};

/* The difference between two texts, whose names become its --- and +++ lines. Appended to out, which is empty before
 * and is freed with edit_bytes_free(); nothing for equal texts. Lines end in LF; a CR before it is part of the line; a
 * last line without LF is marked as diff(1) marks it. 0; 1: cut at options->max, after a whole line, with a last line
 * that says so; -1: a text has more than DIFF_LINES_MAX lines or there is no memory: `why` (EDIT_WHY_MAX bytes). */
int diff_unified(const struct edit_text *before, const struct edit_text *after, const struct diff_options *options,
                 struct edit_bytes *out, char *why);

#endif
