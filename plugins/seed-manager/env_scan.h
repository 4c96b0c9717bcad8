/* env_scan.h: a config.env read line by line as a POSIX shell reads it, see edit_env.h. Thread-safe. */
#ifndef SEED_ENV_SCAN_H
#define SEED_ENV_SCAN_H

#include "plugins/seed-manager/edit_bytes.h"

struct env_scan {
    const struct edit_text *in;
    size_t                  at;
    size_t                  line; /* the line of byte `at`, from 1 */
    char                   *why;  /* EDIT_WHY_MAX bytes */
};

/* One assignment. The bytes are those of the text. */
struct env_line {
    size_t            number; /* line of its name */
    size_t            from;   /* first byte of the line */
    size_t            name;   /* first byte of the name */
    size_t            name_len;
    size_t            value;     /* first byte of the value as it is written */
    size_t            value_end; /* behind it */
    int               exported;  /* by the word export in front of it */
    int               computed;  /* the shell computes it: the value is not known here */
    struct edit_bytes content;   /* the value as a shell has it; freed by the caller */
};

/* The next assignment. 1: in *line, which is overwritten without being freed; 0: the end; -1: a line that is not
 * understood. */
int env_next(struct env_scan *scan, struct env_line *line);

/* Refuses what no config.env may hold anywhere: NUL and CR. 0, -1. */
int env_check_bytes(const struct edit_text *in, char *why);

/* The byte at `at` plus `ahead`; '\0' at the end. */
char env_peek(const struct env_scan *scan, size_t ahead);

/* Moves one byte on and counts lines. */
void env_step(struct env_scan *scan);

/* Reads the value of an assignment: a shell's word with its quotes. Fills content and computed. 0, -1. */
int env_read_word(struct env_scan *scan, struct env_line *line);

/* Says why the line that scan is in is refused. Returns -1. */
int env_refuse(const struct env_scan *scan, size_t line, const char *what);

/* Whether these bytes are a shell variable's name. */
int env_is_name(const char *text, size_t len);

#endif
