/*
 * print.h: what the command line prints: colour only on a terminal, tables, text of others made harmless.
 *
 * Text that came from elsewhere (summaries, events, logs) may hold control characters; everything that prints it goes
 * through print_safe() or a table, which show them as \xNN, so that nothing can steer the terminal.
 */
#ifndef AGENT_PRINT_H
#define AGENT_PRINT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum print_color {
    PRINT_PLAIN,
    PRINT_BOLD,
    PRINT_DIM,
    PRINT_RED,
    PRINT_GREEN,
    PRINT_YELLOW,
    PRINT_BLUE,
    PRINT_CYAN,
};

/* Colour on this stream? Asked once per stream: a terminal, TERM is not dumb, and NO_COLOR is not set. */
bool print_has_color(FILE *out);

/* The escape sequence that starts a colour (PRINT_PLAIN: ends it); "" where there is no colour. */
const char *print_color(FILE *out, enum print_color color);

/* The colour of an outcome's name. */
enum print_color print_outcome_color(const char *outcome);

/* Writes text; control characters and bytes that are not UTF-8 as \xNN, line breaks as \n unless `lines`. */
void print_safe(FILE *out, const char *text, bool lines);

/* The same with colour around it. */
void print_colored(FILE *out, enum print_color color, const char *text);

/* Columns of the terminal, or 0 when `out` is none. */
unsigned print_width(FILE *out);

/* A table that is aligned when printed. The last column is cut to the terminal's width. */
struct table;

/* Titles end with NULL; they are borrowed. NULL when there is no memory. */
struct table *table_new(const char *const *titles);

/* One row: as many strings as there are titles (NULL: empty). Copied. `color` is that of column `colored`. */
void table_row(struct table *table, enum print_color color, size_t colored, const char *const *cells);

void table_print(const struct table *table, FILE *out);
void table_free(struct table *table);

/* An act as `run` and `plan` show it: verb, object, note, then the diff or the details indented below. */
void print_act(FILE *out, const cJSON *act);

/* The value of a string member, or "" when there is none. Borrowed. */
const char *print_str(const cJSON *object, const char *key);

/* "2 min ago", "in 3 h", "now": the distance of an ISO time from now. Returns buf; "-" when iso is empty. */
char *print_ago(const char *iso, int64_t now_ns, char *buf, size_t len);

/* Nanoseconds since the epoch of "2026-11-23", "2026-11-23T12:00[:00[.123456]][Z]" (UTC). 0 or -EINVAL. */
int print_parse_iso(const char *text, int64_t *ret_ns);

/* JSON on one line and a line break. */
void print_json(FILE *out, const cJSON *json);

#endif
