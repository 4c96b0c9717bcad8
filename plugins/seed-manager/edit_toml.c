/* edit_toml.c: string values of one table of a TOML file, see edit_toml.h. */
#include "plugins/seed-manager/edit_toml.h"

#include "kit/text.h"
#include "plugins/seed-manager/toml_scan.h"

#include <stdio.h>
#include <string.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

/* Where a line of the table stands, for a new key to be written like it. */
struct own_line {
    size_t number;  /* 0: there is none */
    size_t from;    /* first byte of the line */
    size_t key;     /* behind the indentation */
    size_t key_end; /* behind the key */
    size_t value;   /* first byte of the value */
    size_t end;     /* behind the line end */
    int    dotted;  /* it names the table itself: table.key = */
};

/* What one pass through the document finds. */
struct search {
    struct toml_scan  scan;
    const char       *table;
    const char       *key;
    struct toml_path  inside;     /* the table that the next key belongs to */
    size_t            header;     /* line of [table], 0: none */
    size_t            header_end; /* behind its line end */
    struct own_line   last;       /* the last line of the table that has a key */
    size_t            found;      /* line of the key, 0: not there */
    struct toml_value value;
    size_t            lines;   /* line ends in front of byte `counted` */
    size_t            counted; /* counted from here on, never again from the start: files may be long */
};

static size_t
line_now(struct search *s)
{
    for (; s->counted < s->scan.at; s->counted++)
        s->lines += s->scan.in->data[s->counted] == '\n';
    return s->lines + 1;
}

static int
refuse_table_twice(const struct search *s, size_t first, size_t second)
{
    return edit_say(s->scan.in, second, s->scan.why,
                    "the table [%.64s] is given twice, in lines %zu and %zu; keep one of them", s->table, first,
                    second);
}

static int
refuse_kind(const struct search *s, size_t line, const char *what)
{
    return edit_say(s->scan.in, line, s->scan.why, "%.64s in the table [%.64s] is %s, not a string; correct it by hand",
                    s->key, s->table, what);
}

/* Behind a header's name: what it means for the table and the key that are looked for. */
static int
judge_header(struct search *s, int array, size_t line)
{
    const struct toml_path *path = &s->inside;

    if (strcmp(path->part[0], s->table) != 0)
        return 0;
    if (path->n == 1 && array)
        return edit_say(s->scan.in, line, s->scan.why,
                        "[[%.64s]] is an array of tables, not the table [%.64s]; correct it by hand", s->table,
                        s->table);
    if (path->n > 1)
        return strcmp(path->part[1], s->key) == 0 ? refuse_kind(s, line, "a table") : 0;
    if (s->header > 0 || s->last.number > 0)
        return refuse_table_twice(s, s->header > 0 ? s->header : s->last.number, line);
    s->header = line;
    return 0;
}

static int
read_header(struct search *s)
{
    size_t line = line_now(s);
    int    array = toml_peek(&s->scan, 1) == '[';

    s->scan.at += array ? 2 : 1;
    s->inside = (struct toml_path){0};
    if (toml_read_key(&s->scan, &s->inside) != 0)
        return -1;
    toml_skip_blanks(&s->scan);
    if (toml_peek(&s->scan, 0) != ']' || (array && toml_peek(&s->scan, 1) != ']'))
        return edit_say(s->scan.in, line, s->scan.why,
                        "a table's header without its closing bracket; correct the line by hand");
    s->scan.at += array ? 2 : 1;
    if (judge_header(s, array, line) != 0 || toml_read_line_end(&s->scan) != 0)
        return -1;
    if (s->header == line)
        s->header_end = s->scan.at;
    return 0;
}

/* A key with its value: what it means for the table and the key that are looked for. */
static int
judge_pair(struct search *s, const struct toml_path *path, const struct toml_value *value, size_t line)
{
    if (strcmp(path->part[0], s->table) != 0)
        return 0;
    if (path->n == 1)
        return edit_say(s->scan.in, line, s->scan.why,
                        "%.64s is given as a value here, not as the table [%.64s]; write it as a table by hand",
                        s->table, s->table);
    if (strcmp(path->part[1], s->key) != 0)
        return 0;
    if (path->n > 2)
        return refuse_kind(s, line, "a table");
    if (s->found > 0)
        return edit_say(s->scan.in, line, s->scan.why,
                        "%.64s is given twice in the table [%.64s], in lines %zu and %zu; keep one of them", s->key,
                        s->table, s->found, line);
    s->found = line;
    s->value = *value;
    return 0;
}

static int
read_pair(struct search *s, size_t from)
{
    struct toml_path  path = s->inside;
    struct toml_value value;
    struct own_line   here = {.number = line_now(s), .from = from, .key = s->scan.at, .dotted = s->inside.n == 0};

    if (toml_read_key(&s->scan, &path) != 0)
        return -1;
    here.key_end = s->scan.at;
    toml_skip_blanks(&s->scan);
    if (toml_peek(&s->scan, 0) != '=')
        return edit_say(s->scan.in, here.number, s->scan.why, "a key without its =; correct the line by hand");
    s->scan.at++;
    toml_skip_blanks(&s->scan);
    here.value = s->scan.at;
    if (toml_read_value(&s->scan, &value) != 0 || judge_pair(s, &path, &value, here.number) != 0 ||
        toml_read_line_end(&s->scan) != 0)
        return -1;
    here.end = s->scan.at;
    if (s->inside.n <= 1 && strcmp(path.part[0], s->table) == 0)
        s->last = here;
    return 0;
}

static int
search(struct search *s)
{
    const struct edit_text *in = s->scan.in;

    if (toml_check_bytes(in, s->scan.why) != 0)
        return -1;
    if (in->len >= 3 && memcmp(in->data, BYTE_ORDER_MARK, 3) == 0)
        s->scan.at = 3;
    while (s->scan.at < in->len) {
        size_t from = s->scan.at;
        char   c;
        int    r;

        toml_skip_blanks(&s->scan);
        c = toml_peek(&s->scan, 0);
        if (c == '[')
            r = read_header(s);
        else if (c == '\0' || c == '#' || c == '\r' || c == '\n')
            r = toml_read_line_end(&s->scan);
        else
            r = read_pair(s, from);
        if (r != 0)
            return -1;
    }
    return 0;
}

static int
is_bare_key(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

    return len > 0 && len < TOML_PART_MAX && name[len] == '\0';
}

/* Looks for the key and decodes its value, if it is there. */
static int
find(struct search *s, struct edit_bytes *content)
{
    struct toml_scan at;

    if (!is_bare_key(s->table) || !is_bare_key(s->key))
        return edit_say(s->scan.in, 0, s->scan.why, "[%.64s] %.64s: names are of letters, digits, _ and - here",
                        s->table, s->key);
    if (search(s) != 0)
        return -1;
    if (s->found == 0)
        return 0;
    if (s->value.kind != TOML_STRING)
        return refuse_kind(s, s->found,
                           s->value.kind == TOML_ARRAY          ? "an array"
                           : s->value.kind == TOML_INLINE_TABLE ? "a table"
                                                                : "a bare word");
    at = s->scan;
    at.at = s->value.from;
    if (toml_read_string(&at, content) != 0)
        return -1;
    return content->failed ? edit_say(s->scan.in, 0, s->scan.why, "no memory to read it") : 0;
}

int
edit_toml_get(const struct edit_text *in, const char *table, const char *key, char **value, char *why)
{
    struct search     s = {.scan = {.in = in, .why = why}, .table = table, .key = key};
    struct edit_bytes content = {0};
    int               r = find(&s, &content);

    if (r == 0 && s.found > 0 && strlen(content.data) != content.len)
        r = edit_say(in, s.found, why, "the value of %.64s holds a NUL character; correct it by hand", key);
    if (r != 0 || s.found == 0) {
        edit_bytes_free(&content);
        return r;
    }
    *value = content.data;
    return 1;
}

static void
put_escaped(struct edit_bytes *out, unsigned char c)
{
    static const char meant[] = "\b\t\n\f\r\"\\";
    static const char letters[] = "btnfr\"\\";
    const char       *found = strchr(meant, c);
    char              escape[8];

    if (found)
        (void)snprintf(escape, sizeof(escape), "\\%c", letters[found - meant]);
    else if (c < 0x20 || c == 0x7f)
        (void)snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)c);
    else
        (void)snprintf(escape, sizeof(escape), "%c", c);
    edit_bytes_text(out, escape);
}

static int
fits_literal(const char *value)
{
    for (; *value; value++)
        if (*value == '\'' || *value == 0x7f || (*value > 0 && *value < 0x20 && *value != '\t'))
            return 0;
    return 1;
}

/* Writes a value with the quote that stood there before, where it can be. */
static void
put_value(struct edit_bytes *out, const char *value, char quote)
{
    const char *mark = quote == '\'' && fits_literal(value) ? "'" : "\"";

    edit_bytes_text(out, mark);
    if (*mark == '\'')
        edit_bytes_text(out, value);
    else
        for (; *value; value++)
            put_escaped(out, (unsigned char)*value);
    edit_bytes_text(out, mark);
}

/* The line end that the text uses in front of byte `at`, or else at all. */
static const char *
line_end_like(const struct edit_text *in, size_t at)
{
    const char *end = at > 0 && in->data[at - 1] == '\n' ? in->data + at - 1 : memchr(in->data, '\n', in->len);

    return end && end > in->data && end[-1] == '\r' ? "\r\n" : "\n";
}

/* Adds the key behind the table's last own line. */
static int
insert_key(const struct search *s, const char *value, struct edit_bytes *out)
{
    const struct edit_text *in = s->scan.in;
    const struct own_line  *like = &s->last;
    size_t                  at = like->number > 0 ? like->end : s->header_end;
    const char             *line_end = line_end_like(in, at);
    int                     open = in->data[at - 1] != '\n'; /* the file's last line has no line end */
    struct edit_bytes       line = {0};
    int                     r;

    if (open)
        edit_bytes_text(&line, line_end);
    edit_bytes_put(&line, in->data + like->from, like->key - like->from);
    if (like->dotted) {
        edit_bytes_text(&line, s->table);
        edit_bytes_text(&line, ".");
    }
    edit_bytes_text(&line, s->key);
    if (like->number > 0)
        edit_bytes_put(&line, in->data + like->key_end, like->value - like->key_end);
    else
        edit_bytes_text(&line, " = ");
    put_value(&line, value, like->number > 0 ? in->data[like->value] : '"');
    if (!open)
        edit_bytes_text(&line, line_end);
    r = edit_splice(in, at, at, &line, out);
    edit_bytes_free(&line);
    return r;
}

/* Writes the value over the one that is there. */
static int
replace_value(const struct search *s, const char *value, const struct edit_bytes *old, struct edit_bytes *out)
{
    const struct edit_text *in = s->scan.in;
    struct edit_bytes       with = {0};
    int                     r;

    if (strlen(value) == old->len && memcmp(value, old->data, old->len) == 0)
        edit_bytes_put(&with, in->data + s->value.from, s->value.to - s->value.from);
    else
        put_value(&with, value, in->data[s->value.from]);
    r = edit_splice(in, s->value.from, s->value.to, &with, out);
    edit_bytes_free(&with);
    return r;
}

static int
is_utf8(const char *text)
{
    for (size_t left = strlen(text); left > 0;) {
        size_t len = ga_utf8_len(text, left);

        if (len == 0)
            return 0;
        text += len;
        left -= len;
    }
    return 1;
}

/* Looks for all keys in the file as it is, so that errors give its line numbers, not those of a half-done edit. */
static int
check_changes(const struct edit_text *in, const char *table, const struct toml_change *changes, size_t n, char *why)
{
    int r = 0;

    for (size_t i = 0; i < n && r == 0; i++) {
        struct search     s = {.scan = {.in = in, .why = why}, .table = table, .key = changes[i].key};
        struct edit_bytes old = {0};

        if (!is_utf8(changes[i].value))
            r = edit_say(in, 0, why, "the new value of %.64s is not UTF-8, which TOML needs", changes[i].key);
        else
            r = find(&s, &old);
        if (r == 0 && s.header == 0 && s.last.number == 0)
            r = edit_say(in, 0, why, "there is no table [%.64s] to write %.64s into; is this the right file?", table,
                         changes[i].key);
        edit_bytes_free(&old);
    }
    return r;
}

static int
set_one(const struct edit_text *in, const char *table, const struct toml_change *change, struct edit_bytes *out,
        char *why)
{
    struct search     s = {.scan = {.in = in, .why = why}, .table = table, .key = change->key};
    struct edit_bytes old = {0};
    int               r;

    r = find(&s, &old);
    if (r == 0) {
        r = s.found > 0 ? replace_value(&s, change->value, &old, out) : insert_key(&s, change->value, out);
        if (r != 0)
            r = edit_say(in, 0, why, "no memory to change it");
    }
    edit_bytes_free(&old);
    return r;
}

int
edit_toml_set(const struct edit_text *in, const char *table, const struct toml_change *changes, size_t n,
              struct edit_bytes *out, char *why)
{
    struct edit_text  now = *in;
    struct edit_bytes done = {0};
    int               r = check_changes(in, table, changes, n, why);

    edit_bytes_put(&done, in->data, in->len);
    if (r == 0 && done.failed)
        r = edit_say(in, 0, why, "no memory to change it");
    for (size_t i = 0; i < n && r == 0; i++) {
        struct edit_bytes next = {0};

        now.data = done.data;
        now.len = done.len;
        r = set_one(&now, table, &changes[i], &next, why);
        edit_bytes_free(&done);
        done = next;
    }
    if (r == 0)
        *out = done;
    else
        edit_bytes_free(&done);
    return r;
}
