/*
 * diagnostics.h: what is wrong with a manifest, all of it, each with its place. One thread.
 */
#ifndef AGENT_DIAGNOSTICS_H
#define AGENT_DIAGNOSTICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A place in the manifest, counted from 1; line 0: the file as a whole. */
struct place {
    unsigned line;
    unsigned column;
};

struct diagnostic {
    struct place place;
    bool         warning;
    size_t       order; /* in which it was found */
    char        *text;  /* one line, without control characters */
};

struct diagnostics {
    char              *file; /* as the user named it */
    struct diagnostic *items;
    size_t             count;
    size_t             errors;  /* all of them, also those that were too many to keep */
    size_t             dropped; /* errors and warnings that were too many to keep */
};

void diagnostics_init(struct diagnostics *diagnostics, const char *file);
void diagnostics_done(struct diagnostics *diagnostics);

void diagnose(struct diagnostics *diagnostics, struct place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void diagnose_warning(struct diagnostics *diagnostics, struct place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Into the order of the file. */
void diagnostics_sort(struct diagnostics *diagnostics);

/* In the order of the file: "FILE:LINE:COLUMN: TEXT", "FILE: TEXT" without a place, warnings marked. */
void diagnostics_print(struct diagnostics *diagnostics, FILE *out);

/*
 * The nearest of `n` words to `word` when it is near enough to be a slip, or the only one that it is the beginning of;
 * else NULL. Letters' case, and - for _, are no difference.
 */
const char *suggest(const char *word, const char *const *words, size_t n);

/* ", did you mean 'x'?" or "" in buf, which is returned. */
char *suggestion(const char *word, const char *const *words, size_t n, char *buf, size_t len);

#endif
