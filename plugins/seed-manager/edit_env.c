/* edit_env.c: variables of a config.env, see edit_env.h. */
#include "plugins/seed-manager/edit_env.h"

#include "kit/text.h"
#include "plugins/seed-manager/env_scan.h"

#include <stdlib.h>
#include <string.h>

#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-"
#define QUOTES_NONE '\0'

/* What one pass through the file finds. */
struct search {
    const struct edit_text *in;
    char                   *why;
    struct env_line         found; /* number 0: the key is not set */
    struct env_line         like;  /* the last assignment, of the exported ones if there are any: new ones are written
                                    * like it; without its content; number 0: there is none */
};

static void
forget(struct search *s)
{
    edit_bytes_free(&s->found.content);
}

/* Keeps the line when it sets the key. */
static int
judge(struct search *s, struct env_line *line, const char *key)
{
    int ours = strlen(key) == line->name_len && memcmp(s->in->data + line->name, key, line->name_len) == 0;
    int r = 0;

    if (ours && s->found.number > 0)
        r = edit_say(s->in, line->number, s->why,
                     "%.64s is set twice, in lines %zu and %zu (a shell takes the last); keep one of them", key,
                     s->found.number, line->number);
    else if (ours && line->computed)
        r = edit_say(s->in, line->number, s->why,
                     "%.64s is computed by the shell ($, `, ~ or { in its value); change this line by hand", key);
    if (!ours || r != 0)
        edit_bytes_free(&line->content);
    else
        s->found = *line;
    if (line->exported || !s->like.exported)
        s->like = *line;
    return r;
}

static int
find(struct search *s, const char *key)
{
    struct env_scan scan = {.in = s->in, .line = 1, .why = s->why};
    struct env_line line;
    int             r;

    if (!env_is_name(key, strlen(key)))
        return edit_say(s->in, 0, s->why, "\"%.64s\" is not a shell variable's name: letters, digits and _", key);
    if (env_check_bytes(s->in, s->why) != 0)
        return -1;
    while ((r = env_next(&scan, &line)) == 1)
        if (judge(s, &line, key) != 0)
            return -1;
    return r;
}

int
edit_env_get(const struct edit_text *in, const char *const *keys, size_t n, char **values, char *why)
{
    int r = 0;

    for (size_t i = 0; i < n; i++)
        values[i] = NULL;
    for (size_t i = 0; i < n && r == 0; i++) {
        struct search s = {.in = in, .why = why};

        r = find(&s, keys[i]);
        if (r == 0)
            values[i] = s.found.content.data;
        else
            forget(&s);
    }
    for (size_t i = 0; i < n && r != 0; i++) {
        free(values[i]);
        values[i] = NULL;
    }
    return r;
}

/* Whether shells and docker compose read `value` alike between these quotes. */
static int
fits(const char *value, char quotes)
{
    size_t len = strlen(value);

    if (quotes == '\'')
        return !strchr(value, '\'') && (len == 0 || value[len - 1] != '\\');
    if (quotes == '"')
        return !strpbrk(value, "$`\"\\");
    return strspn(value, PLAIN) == len;
}

static int
check_value(const struct edit_text *in, const struct env_change *change, char *why)
{
    const char *value = change->value;

    for (size_t left = strlen(value), len; left > 0; value += len, left -= len) {
        len = ga_utf8_len(value, left);
        if (len == 0 || (*value >= 0 && *value < 0x20) || *value == 0x7f)
            return edit_say(in, 0, why, "the new value of %.64s holds a control character or is not UTF-8",
                            change->key);
    }
    if (!fits(change->value, '\'') && !fits(change->value, '"'))
        return edit_say(in, 0, why,
                        "the new value of %.64s has no form that a shell and docker compose read alike: it holds ' "
                        "together with one of $ ` \" \\, or ends in \\",
                        change->key);
    return 0;
}

/* The quotes that the whole of a written value stands in. */
static char
quotes_of(const struct edit_text *in, const struct env_line *line)
{
    char first;

    if (line->number == 0 || line->value_end - line->value < 2)
        return QUOTES_NONE;
    first = in->data[line->value];
    return (first == '"' || first == '\'') && in->data[line->value_end - 1] == first ? first : QUOTES_NONE;
}

/* Writes a value, with the quotes that were there before, where they can hold it. */
static void
put_value(struct edit_bytes *out, const char *value, char quotes)
{
    char use = quotes;

    if (!fits(value, use))
        use = fits(value, '"') ? '"' : '\'';
    edit_bytes_put(out, &use, use != QUOTES_NONE);
    edit_bytes_text(out, value);
    edit_bytes_put(out, &use, use != QUOTES_NONE);
}

/* Indentation and export as in another assignment, unless it goes over lines. */
static void
put_start(struct edit_bytes *out, const struct search *s)
{
    const char *from = s->in->data + s->like.from;
    size_t      len = s->like.name - s->like.from;

    if (s->like.number > 0 && !memchr(from, '\n', len))
        edit_bytes_put(out, from, len);
    else
        edit_bytes_text(out, "export ");
}

/* Whether what follows the text is in a line of its own: a backslash takes its line end away. */
static int
ends_line(const struct edit_text *in)
{
    return in->len == 0 || (in->data[in->len - 1] == '\n' && (in->len == 1 || in->data[in->len - 2] != '\\'));
}

/* Adds the key at the end of the file; a last line without its end stays one. */
static int
append_key(const struct search *s, const struct env_change *change, struct edit_bytes *out)
{
    const struct edit_text *in = s->in;
    int                     open = in->len > 0 && in->data[in->len - 1] != '\n';
    struct edit_bytes       line = {0};
    int                     r;

    edit_bytes_put(&line, "\n", (size_t)!ends_line(in));
    put_start(&line, s);
    edit_bytes_text(&line, change->key);
    edit_bytes_text(&line, "=");
    put_value(&line, change->value, quotes_of(in, &s->like));
    edit_bytes_put(&line, "\n", (size_t)!open);
    r = edit_splice(in, in->len, in->len, &line, out);
    edit_bytes_free(&line);
    return r;
}

static int
is_already(const struct search *s, const char *value)
{
    return s->found.number > 0 && strcmp(s->found.content.data, value) == 0;
}

/* Looks for the key; a value that is not there yet must be one that can be written. */
static int
find_for_change(struct search *s, const struct env_change *change)
{
    if (find(s, change->key) != 0)
        return -1;
    return is_already(s, change->value) ? 0 : check_value(s->in, change, s->why);
}

static int
replace_value(const struct search *s, const char *value, struct edit_bytes *out)
{
    const struct env_line *line = &s->found;
    struct edit_bytes      with = {0};
    int                    r;

    if (is_already(s, value))
        edit_bytes_put(&with, s->in->data + line->value, line->value_end - line->value);
    else
        put_value(&with, value, quotes_of(s->in, line));
    r = edit_splice(s->in, line->value, line->value_end, &with, out);
    edit_bytes_free(&with);
    return r;
}

static int
set_one(const struct edit_text *in, const struct env_change *change, struct edit_bytes *out, char *why)
{
    struct search s = {.in = in, .why = why};
    int           r = find_for_change(&s, change);

    if (r == 0) {
        r = s.found.number > 0 ? replace_value(&s, change->value, out) : append_key(&s, change, out);
        if (r != 0)
            r = edit_say(in, 0, why, "no memory to change it");
    }
    forget(&s);
    return r;
}

/* Looks for all keys in the file as it is, before any is changed. */
static int
check_changes(const struct edit_text *in, const struct env_change *changes, size_t n, char *why)
{
    int r = 0;

    for (size_t i = 0; i < n && r == 0; i++) {
        struct search s = {.in = in, .why = why};

        r = find_for_change(&s, &changes[i]);
        forget(&s);
    }
    return r;
}

int
edit_env_set(const struct edit_text *in, const struct env_change *changes, size_t n, struct edit_bytes *out, char *why)
{
    struct edit_text  now = *in;
    struct edit_bytes done = {0};
    int               r = check_changes(in, changes, n, why);

    edit_bytes_put(&done, in->data, in->len);
    if (r == 0 && done.failed)
        r = edit_say(in, 0, why, "no memory to change it");
    for (size_t i = 0; i < n && r == 0; i++) {
        struct edit_bytes next = {0};

        now.data = done.data;
        now.len = done.len;
        r = set_one(&now, &changes[i], &next, why);
        edit_bytes_free(&done);
        done = next;
    }
    if (r == 0)
        *out = done;
    else
        edit_bytes_free(&done);
    return r;
}
