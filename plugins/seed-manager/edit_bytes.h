/* edit_bytes.h: the buffers of the editors: a text as it was read, and bytes that grow. Thread-safe. */
#ifndef SEED_EDIT_BYTES_H
#define SEED_EDIT_BYTES_H

#include <stddef.h>

#define EDIT_WHY_MAX 512 /* bytes that hold any sentence of the editors */

/* A file's content. Borrowed; need not end in NUL. */
struct edit_text {
    const char *name; /* what errors call it, such as a path */
    const char *data;
    size_t      len; /* bytes */
};

/* Bytes that grow. Starts as {0}; data always ends in NUL (not counted) once something, or nothing, was put. */
struct edit_bytes {
    char  *data;   /* free with edit_bytes_free() */
    size_t len;    /* bytes */
    size_t cap;    /* bytes allocated */
    int    failed; /* memory ran out: what was put since is lost */
};

/* Appends `len` bytes. After memory ran out it does nothing: ask `failed` once, at the end. */
void edit_bytes_put(struct edit_bytes *bytes, const char *data, size_t len);
void edit_bytes_text(struct edit_bytes *bytes, const char *text);
void edit_bytes_free(struct edit_bytes *bytes);

/* Replaces bytes `from` up to `to` of a text by `with`: the result in out, which is empty before. 0; -1: no memory. */
int edit_splice(const struct edit_text *in, size_t from, size_t to, const struct edit_bytes *with,
                struct edit_bytes *out);

/* The number of the line, from 1, that byte `at` is in. */
size_t edit_line_of(const struct edit_text *in, size_t at);

/* Writes "NAME:LINE: sentence" (line 0: "NAME: sentence") into why, EDIT_WHY_MAX bytes. Returns -1. */
int edit_say(const struct edit_text *in, size_t line, char *why, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
