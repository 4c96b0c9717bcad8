/*
 * env_word.c: one word of a shell with its quotes, see env_scan.h. What the shell would compute is skipped over, as
 * long as its end is beyond doubt; otherwise the file is refused, for all that follows would be read wrongly.
 */
#include "plugins/seed-manager/env_scan.h"

#include <string.h>

#define TOO_INVOLVED "what the shell computes here is too involved to find its end; correct the line by hand"

static void
take(struct env_scan *scan, struct env_line *line)
{
    char c = env_peek(scan, 0);

    edit_bytes_put(&line->content, &c, 1);
    env_step(scan);
}

static void
skip(struct env_scan *scan, size_t n)
{
    while (n-- > 0)
        env_step(scan);
}

/* Up to the closing quote on the same line; in double quotes nothing may be computed by a command. */
static int
skip_inner_quotes(struct env_scan *scan)
{
    char quote = env_peek(scan, 0);

    env_step(scan);
    for (char c; (c = env_peek(scan, 0)) != quote; env_step(scan))
        if (c == '\0' || c == '\n' || (quote == '"' && (c == '\\' || c == '`' || c == '$')))
            return env_refuse(scan, scan->line, TOO_INVOLVED);
    env_step(scan);
    return 0;
}

/* What in a $( ) could hide its end: escapes, comments, here-documents, the lone ) of a case. */
static int
hides_the_end(const struct env_scan *scan)
{
    char c = env_peek(scan, 0);
    char before = scan->in->data[scan->at - 1];

    return c == '\0' || c == '\n' || c == '\\' || c == '`' || (c == '<' && env_peek(scan, 1) == '<') ||
           (c == '#' && strchr(" \t(;&|", before)) || (c == '$' && strchr("'\"{", env_peek(scan, 1))) ||
           (c == 'c' && scan->in->len - scan->at >= 4 && memcmp(scan->in->data + scan->at, "case", 4) == 0);
}

/* $( ... ) and $(( ... )) within one line. */
static int
skip_command(struct env_scan *scan)
{
    size_t depth = 0;

    do {
        char c = env_peek(scan, 0);

        if (hides_the_end(scan))
            return env_refuse(scan, scan->line, TOO_INVOLVED);
        if (c == '\'' || c == '"') {
            if (skip_inner_quotes(scan) != 0)
                return -1;
            continue;
        }
        depth += c == '(';
        depth -= c == ')';
        env_step(scan);
    } while (depth > 0);
    return 0;
}

/* ${ ... } within one line, nothing nested. */
static int
skip_braces(struct env_scan *scan)
{
    env_step(scan);
    for (char c; (c = env_peek(scan, 0)) != '}'; env_step(scan))
        if (c == '\0' || strchr("\n'\"\\`$", c))
            return env_refuse(scan, scan->line, TOO_INVOLVED);
    env_step(scan);
    return 0;
}

static int
skip_backquotes(struct env_scan *scan)
{
    env_step(scan);
    for (char c; (c = env_peek(scan, 0)) != '`'; env_step(scan))
        if (c == '\0' || c == '\n' || c == '\\')
            return env_refuse(scan, scan->line, TOO_INVOLVED);
    env_step(scan);
    return 0;
}

/* At a $ or `: what the shell computes. A lone $ is left to whoever wrote it: its meaning varies. */
static int
skip_computed(struct env_scan *scan, struct env_line *line)
{
    line->computed = 1;
    if (env_peek(scan, 0) == '`')
        return skip_backquotes(scan);
    env_step(scan);
    if (env_peek(scan, 0) == '(')
        return skip_command(scan);
    if (env_peek(scan, 0) == '{')
        return skip_braces(scan);
    return 0;
}

static int
read_single(struct env_scan *scan, struct env_line *line)
{
    size_t number = scan->line;

    env_step(scan);
    while (env_peek(scan, 0) != '\'') {
        if (env_peek(scan, 0) == '\0')
            return env_refuse(scan, number, "the ' has no closing '; correct the line by hand");
        take(scan, line);
    }
    env_step(scan);
    return 0;
}

static int
read_double(struct env_scan *scan, struct env_line *line)
{
    size_t number = scan->line;
    char   c;

    env_step(scan);
    while ((c = env_peek(scan, 0)) != '"') {
        char next = env_peek(scan, 1);

        if (c == '\0')
            return env_refuse(scan, number, "the \" has no closing \"; correct the line by hand");
        if (c == '$' || c == '`') {
            if (skip_computed(scan, line) != 0)
                return -1;
        } else if (c == '\\' && next == '\n') {
            skip(scan, 2);
        } else {
            if (c == '\\' && next && strchr("$`\"\\", next))
                env_step(scan);
            take(scan, line);
        }
    }
    env_step(scan);
    return 0;
}

/* A backslash outside of quotes. */
static int
read_escape(struct env_scan *scan, struct env_line *line)
{
    char next = env_peek(scan, 1);

    if (next == '\0')
        return env_refuse(scan, scan->line, "the file ends in a backslash; correct the line by hand");
    env_step(scan);
    if (next == '\n')
        env_step(scan);
    else
        take(scan, line);
    return 0;
}

static int
read_unquoted(struct env_scan *scan, struct env_line *line)
{
    char c = env_peek(scan, 0);

    if (strchr(";&|<>()", c))
        return env_refuse(scan, scan->line,
                          "there is more here than one KEY=value; give each variable its own line, without commands");
    if (c == '$' && env_peek(scan, 1) && strchr("'\"", env_peek(scan, 1)))
        return env_refuse(scan, scan->line,
                          "$' and $\" mean different things to different shells; write the value without the $");
    if (c == '$' || c == '`')
        return skip_computed(scan, line);
    line->computed |= c == '~' || c == '{' || c == '}';
    take(scan, line);
    return 0;
}

int
env_read_word(struct env_scan *scan, struct env_line *line)
{
    edit_bytes_put(&line->content, "", 0);
    for (;;) {
        char c = env_peek(scan, 0);
        int  r;

        if (c == '\0' || c == ' ' || c == '\t' || c == '\n')
            return 0;
        if (c == '\'')
            r = read_single(scan, line);
        else if (c == '"')
            r = read_double(scan, line);
        else if (c == '\\')
            r = read_escape(scan, line);
        else
            r = read_unquoted(scan, line);
        if (r != 0)
            return -1;
    }
}
