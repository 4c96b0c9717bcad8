/* toml_scan.c: keys, values and line ends of a TOML document, see toml_scan.h. */
#include "plugins/seed-manager/toml_scan.h"

#include "kit/text.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 64 /* arrays and inline tables within each other: beyond it the stack would be the limit */

static int read_value(struct toml_scan *scan, struct toml_value *value, int depth);

static int
refuse(const struct toml_scan *scan, const char *what)
{
    return edit_say(scan->in, edit_line_of(scan->in, scan->at), scan->why, "%s; correct the line by hand", what);
}

char
toml_peek(const struct toml_scan *scan, size_t ahead)
{
    return ahead < scan->in->len - scan->at ? scan->in->data[scan->at + ahead] : '\0';
}

static int
is_control(const struct edit_text *in, size_t at)
{
    unsigned char c = (unsigned char)in->data[at];

    if (c == '\r')
        return at + 1 == in->len || in->data[at + 1] != '\n';
    return (c < 0x20 && c != '\t' && c != '\n') || c == 0x7f;
}

int
toml_check_bytes(const struct edit_text *in, char *why)
{
    size_t len;

    for (size_t at = 0; at < in->len; at += len) {
        len = ga_utf8_len(in->data + at, in->len - at);
        if (len == 0 || is_control(in, at))
            return edit_say(in, edit_line_of(in, at), why,
                            "the byte 0x%02x may not stand in a TOML file; is this the right file?",
                            (unsigned)(unsigned char)in->data[at]);
    }
    return 0;
}

void
toml_skip_blanks(struct toml_scan *scan)
{
    while (toml_peek(scan, 0) == ' ' || toml_peek(scan, 0) == '\t')
        scan->at++;
}

void
toml_skip_comment(struct toml_scan *scan)
{
    toml_skip_blanks(scan);
    if (toml_peek(scan, 0) != '#')
        return;
    while (toml_peek(scan, 0) && toml_peek(scan, 0) != '\n' && toml_peek(scan, 0) != '\r')
        scan->at++;
}

void
toml_skip_lines(struct toml_scan *scan)
{
    toml_skip_comment(scan);
    while (toml_peek(scan, 0) == '\n' || toml_peek(scan, 0) == '\r') {
        scan->at++;
        toml_skip_comment(scan);
    }
}

int
toml_read_line_end(struct toml_scan *scan)
{
    toml_skip_comment(scan);
    if (toml_peek(scan, 0) == '\r')
        scan->at++;
    if (scan->at == scan->in->len)
        return 0;
    if (toml_peek(scan, 0) != '\n')
        return refuse(scan, "the line goes on where it should end");
    scan->at++;
    return 0;
}

static int
is_key_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static int
is_value_char(char c)
{
    return is_key_char(c) || c == '+' || c == '.' || c == ':';
}

static void
keep_part(struct toml_path *path, const char *text, size_t len)
{
    if (path->n < TOML_PARTS) {
        char *part = path->part[path->n];

        part[0] = '\0';
        if (len < TOML_PART_MAX && !memchr(text, '\0', len))
            (void)snprintf(part, TOML_PART_MAX, "%.*s", (int)len, text);
    }
    path->n++;
}

static int
read_quoted_part(struct toml_scan *scan, struct toml_path *path)
{
    struct edit_bytes name = {0};
    char              quote = toml_peek(scan, 0);
    int               r;

    if (toml_peek(scan, 1) == quote && toml_peek(scan, 2) == quote)
        return refuse(scan, "a multi-line string cannot be a key");
    r = toml_read_string(scan, &name);
    if (r == 0 && name.failed)
        r = edit_say(scan->in, 0, scan->why, "no memory to read it");
    if (r == 0)
        keep_part(path, name.data, name.len);
    edit_bytes_free(&name);
    return r;
}

static int
read_part(struct toml_scan *scan, struct toml_path *path)
{
    size_t from = scan->at;

    if (toml_peek(scan, 0) == '"' || toml_peek(scan, 0) == '\'')
        return read_quoted_part(scan, path);
    while (is_key_char(toml_peek(scan, 0)))
        scan->at++;
    if (scan->at == from)
        return refuse(scan, "a key is missing here");
    keep_part(path, scan->in->data + from, scan->at - from);
    return 0;
}

int
toml_read_key(struct toml_scan *scan, struct toml_path *path)
{
    for (;;) {
        size_t behind;

        toml_skip_blanks(scan);
        if (read_part(scan, path) != 0)
            return -1;
        behind = scan->at;
        toml_skip_blanks(scan);
        if (toml_peek(scan, 0) != '.') {
            scan->at = behind;
            return 0;
        }
        scan->at++;
    }
}

static int
read_array(struct toml_scan *scan, int depth)
{
    scan->at++;
    for (;;) {
        struct toml_value item;

        toml_skip_lines(scan);
        if (toml_peek(scan, 0) == ']')
            break;
        if (read_value(scan, &item, depth + 1) != 0)
            return -1;
        toml_skip_lines(scan);
        if (toml_peek(scan, 0) == ']')
            break;
        if (toml_peek(scan, 0) != ',')
            return refuse(scan, "an array without a comma or its closing bracket");
        scan->at++;
    }
    scan->at++;
    return 0;
}

static int
read_inline_pair(struct toml_scan *scan, int depth)
{
    struct toml_path  key = {0};
    struct toml_value value;

    if (toml_read_key(scan, &key) != 0)
        return -1;
    toml_skip_blanks(scan);
    if (toml_peek(scan, 0) != '=')
        return refuse(scan, "a key without its = in an inline table");
    scan->at++;
    toml_skip_blanks(scan);
    return read_value(scan, &value, depth + 1);
}

static int
read_inline_table(struct toml_scan *scan, int depth)
{
    scan->at++;
    toml_skip_blanks(scan);
    if (toml_peek(scan, 0) == '}') {
        scan->at++;
        return 0;
    }
    for (;;) {
        char c;

        if (read_inline_pair(scan, depth) != 0)
            return -1;
        toml_skip_blanks(scan);
        c = toml_peek(scan, 0);
        if (c != ',' && c != '}')
            return refuse(scan, "an inline table without a comma or its closing brace");
        scan->at++;
        if (c == '}')
            return 0;
    }
}

/* Numbers, booleans and dates: which of them, and whether well-formed, is the reader's business, not the editor's. */
static int
read_bare(struct toml_scan *scan)
{
    size_t from = scan->at;

    while (is_value_char(toml_peek(scan, 0)))
        scan->at++;
    if (scan->at == from)
        return refuse(scan, "a value is missing here");
    if (scan->at - from == 10 && scan->in->data[from + 4] == '-' && toml_peek(scan, 0) == ' ' &&
        toml_peek(scan, 1) >= '0' && toml_peek(scan, 1) <= '9') {
        scan->at++; /* 1979-05-27 07:32:00 */
        while (is_value_char(toml_peek(scan, 0)))
            scan->at++;
    }
    return 0;
}

static int
read_value(struct toml_scan *scan, struct toml_value *value, int depth)
{
    char c = toml_peek(scan, 0);
    int  r;

    if (depth > DEPTH_MAX)
        return refuse(scan, "arrays or tables are nested too deeply");
    value->from = scan->at;
    value->kind = c == '"' || c == '\'' ? TOML_STRING
                  : c == '['            ? TOML_ARRAY
                  : c == '{'            ? TOML_INLINE_TABLE
                                        : TOML_BARE;
    if (value->kind == TOML_STRING)
        r = toml_read_string(scan, NULL);
    else if (value->kind == TOML_ARRAY)
        r = read_array(scan, depth);
    else if (value->kind == TOML_INLINE_TABLE)
        r = read_inline_table(scan, depth);
    else
        r = read_bare(scan);
    value->to = scan->at;
    return r;
}

int
toml_read_value(struct toml_scan *scan, struct toml_value *value)
{
    return read_value(scan, value, 0);
}
