/*
 * toml_scan.h: the words of a TOML 1.0 document, read where they stand: keys, strings, values of any kind, line ends.
 * Each reader moves `at` behind what it read. Errors name file and line. Thread-safe.
 */
#ifndef SEED_TOML_SCAN_H
#define SEED_TOML_SCAN_H

#include "plugins/seed-manager/edit_bytes.h"

#define TOML_PART_MAX 256 /* bytes of a key's part that are kept, with its end */
#define TOML_PARTS 3      /* parts that are kept: a table, a key, and whether more comes */

struct toml_scan {
    const struct edit_text *in;
    size_t                  at;
    char                   *why; /* EDIT_WHY_MAX bytes */
};

/* A key or a table's name: a.b."c". Parts that are longer than TOML_PART_MAX - 1 are kept as "", which equals no bare
 * key; those beyond TOML_PARTS are counted only. */
struct toml_path {
    size_t n;
    char   part[TOML_PARTS][TOML_PART_MAX];
};

enum toml_kind {
    TOML_STRING,
    TOML_ARRAY,
    TOML_INLINE_TABLE,
    TOML_BARE, /* number, boolean, date */
};

struct toml_value {
    enum toml_kind kind;
    size_t         from; /* first byte */
    size_t         to;   /* behind the last byte */
};

/* Refuses what no TOML document may hold anywhere: bytes that are not UTF-8, control characters, a lone CR. 0, -1. */
int toml_check_bytes(const struct edit_text *in, char *why);

/* Blanks and tabs; then also one comment, up to its line end; then also line ends and further comments. */
void toml_skip_blanks(struct toml_scan *scan);
void toml_skip_comment(struct toml_scan *scan);
void toml_skip_lines(struct toml_scan *scan);

/* The byte at `at` plus `ahead`; '\0' at the end. */
char toml_peek(const struct toml_scan *scan, size_t ahead);

/* A key of one or several parts, which are appended to path. 0, -1. */
int toml_read_key(struct toml_scan *scan, struct toml_path *path);

/* A string of any of the four forms; its decoded content is appended to `content`, unless that is NULL. CR LF in a
 * multi-line string is read as LF. 0, -1. */
int toml_read_string(struct toml_scan *scan, struct edit_bytes *content);

/* A value of any kind. 0, -1. */
int toml_read_value(struct toml_scan *scan, struct toml_value *value);

/* The rest of a line behind a value or a header: blanks, a comment, the line end or the end of the text. 0, -1. */
int toml_read_line_end(struct toml_scan *scan);

#endif
