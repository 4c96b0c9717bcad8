/* env_scan.c: the lines of a config.env, see env_scan.h. */
#include "plugins/seed-manager/env_scan.h"

#include <string.h>

char
env_peek(const struct env_scan *scan, size_t ahead)
{
    return ahead < scan->in->len - scan->at ? scan->in->data[scan->at + ahead] : '\0';
}

void
env_step(struct env_scan *scan)
{
    if (scan->at >= scan->in->len)
        return;
    scan->line += scan->in->data[scan->at] == '\n';
    scan->at++;
}

int
env_refuse(const struct env_scan *scan, size_t line, const char *what)
{
    return edit_say(scan->in, line, scan->why, "%s", what);
}

int
env_check_bytes(const struct edit_text *in, char *why)
{
    for (size_t i = 0; i < in->len; i++) {
        if (in->data[i] == '\r')
            return edit_say(in, edit_line_of(in, i), why,
                            "a carriage return, which a shell takes into the value; convert the file's line ends to LF "
                            "(sed -i 's/\\r$//')");
        if (in->data[i] == '\0')
            return edit_say(in, edit_line_of(in, i), why, "a NUL byte; is this the right file?");
    }
    return 0;
}

static int
is_name_char(char c, int first)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || (!first && c >= '0' && c <= '9');
}

int
env_is_name(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!is_name_char(text[i], i == 0))
            return 0;
    return len > 0;
}

/* Blanks, and line ends that a backslash takes away: only the blanks, whose number is returned, end a word. */
static size_t
skip_blanks(struct env_scan *scan)
{
    for (size_t n = 0;;) {
        if (env_peek(scan, 0) == ' ' || env_peek(scan, 0) == '\t') {
            env_step(scan);
            n++;
        } else if (env_peek(scan, 0) == '\\' && env_peek(scan, 1) == '\n') {
            env_step(scan);
            env_step(scan);
        } else {
            return n;
        }
    }
}

static void
skip_comment(struct env_scan *scan)
{
    while (env_peek(scan, 0) && env_peek(scan, 0) != '\n')
        env_step(scan);
}

static size_t
read_name(struct env_scan *scan)
{
    size_t from = scan->at;

    while (is_name_char(env_peek(scan, 0), scan->at == from))
        env_step(scan);
    return scan->at - from;
}

static int
at_line_end(const struct env_scan *scan)
{
    return env_peek(scan, 0) == '\0' || env_peek(scan, 0) == '\n';
}

static int
is_word(const struct env_scan *scan, size_t from, const char *word)
{
    size_t len = strlen(word);

    return scan->at - from == len && memcmp(scan->in->data + from, word, len) == 0;
}

static int
refuse_command(const struct env_scan *scan, size_t line)
{
    return env_refuse(scan, line,
                      "this is not KEY=value, and may change variables unseen; move commands to another file");
}

static int
refuse_several(const struct env_scan *scan, size_t line)
{
    return env_refuse(scan, line, "there is more here than one KEY=value; give each variable its own line");
}

/* Behind a command's last word: blanks and a comment, then the line ends. */
static int
read_rest(struct env_scan *scan, size_t line)
{
    size_t blanks = skip_blanks(scan);

    if (env_peek(scan, 0) == '#' && blanks > 0)
        skip_comment(scan);
    return at_line_end(scan) ? 0 : refuse_several(scan, line);
}

/* At the = behind a name. */
static int
read_value(struct env_scan *scan, struct env_line *line, size_t name_len)
{
    line->name_len = name_len;
    line->name = scan->at - name_len;
    env_step(scan);
    line->value = scan->at;
    if (env_read_word(scan, line) != 0)
        return -1;
    line->value_end = scan->at;
    if (line->content.failed)
        return env_refuse(scan, 0, "no memory to read it");
    return read_rest(scan, line->number) == 0 ? 1 : -1;
}

/* Behind `export`: one KEY=value (1), or names without values (0). */
static int
read_export(struct env_scan *scan, struct env_line *line)
{
    size_t names = 0;

    line->exported = 1;
    for (;;) {
        size_t blanks = skip_blanks(scan);
        size_t len;

        if (at_line_end(scan) || (env_peek(scan, 0) == '#' && blanks > 0))
            break;
        len = read_name(scan);
        if (blanks == 0 || len == 0)
            return refuse_command(scan, line->number);
        if (env_peek(scan, 0) == '=')
            return names == 0 ? read_value(scan, line, len) : refuse_several(scan, line->number);
        names++;
    }
    skip_comment(scan);
    return names > 0 ? 0 : refuse_command(scan, line->number);
}

/* Behind `set`: -a and +a only, which make every variable an exported one. */
static int
read_set(struct env_scan *scan, size_t line)
{
    if (skip_blanks(scan) == 0 || (env_peek(scan, 0) != '-' && env_peek(scan, 0) != '+') || env_peek(scan, 1) != 'a')
        return refuse_command(scan, line);
    env_step(scan);
    env_step(scan);
    return read_rest(scan, line);
}

/* 1: an assignment; 0: a command that changes no value. */
static int
read_command(struct env_scan *scan, struct env_line *line)
{
    size_t from = scan->at;
    size_t len = read_name(scan);

    if (len > 0 && env_peek(scan, 0) == '=')
        return read_value(scan, line, len);
    if (is_word(scan, from, "export"))
        return read_export(scan, line);
    if (is_word(scan, from, "set"))
        return read_set(scan, line->number);
    return refuse_command(scan, line->number);
}

int
env_next(struct env_scan *scan, struct env_line *line)
{
    while (scan->at < scan->in->len) {
        int r = 0;

        *line = (struct env_line){.from = scan->at};
        (void)skip_blanks(scan);
        line->number = scan->line;
        if (env_peek(scan, 0) == '#')
            skip_comment(scan);
        else if (!at_line_end(scan))
            r = read_command(scan, line);
        if (r < 0)
            edit_bytes_free(&line->content);
        if (r != 0)
            return r;
        env_step(scan);
    }
    return 0;
}
