/* diff.c: a unified diff, see diff.h. Myers' greedy search with its trace kept; texts that differ in more than
 * DISTANCE_MAX lines are shown as one change, which is as true and costs less. */
#include "plugins/seed-manager/diff.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DISTANCE_MAX 1000
#define CUT_NOTE "... the difference goes on; it was cut here\n"

struct line {
    const char *data;
    size_t      len; /* bytes, with its LF if it has one */
};

/* One text in lines; `changed` marks those that the other text does not have. */
struct side {
    struct line *line;
    char        *changed;
    size_t       n;
};

struct compare {
    struct side before;
    struct side after;
    size_t      same_start; /* equal lines at the start of both */
    size_t      same_end;   /* and at the end */
};

static int
split(const struct edit_text *in, struct side *side, char *why)
{
    side->line = calloc(DIFF_LINES_MAX, sizeof(*side->line));
    side->changed = calloc(DIFF_LINES_MAX, 1);
    if (!side->line || !side->changed)
        return edit_say(in, 0, why, "no memory to compare it");
    for (size_t at = 0; at < in->len;) {
        const char *end = memchr(in->data + at, '\n', in->len - at);
        size_t      len = end ? (size_t)(end - in->data) + 1 - at : in->len - at;

        if (side->n == DIFF_LINES_MAX)
            return edit_say(in, 0, why, "more than %d lines, too long to be shown as a difference", DIFF_LINES_MAX);
        side->line[side->n++] = (struct line){in->data + at, len};
        at += len;
    }
    return 0;
}

static int
equal(const struct compare *c, size_t i, size_t j)
{
    const struct line *a = &c->before.line[i];
    const struct line *b = &c->after.line[j];

    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static void
trim(struct compare *c)
{
    size_t n = c->before.n < c->after.n ? c->before.n : c->after.n;

    while (c->same_start < n && equal(c, c->same_start, c->same_start))
        c->same_start++;
    while (c->same_end < n - c->same_start && equal(c, c->before.n - 1 - c->same_end, c->after.n - 1 - c->same_end))
        c->same_end++;
}

/* The trace: how far `before` gets on diagonal k (its line less the line of `after`) with d changes. Round d has 2d + 1
 * cells; those of odd distance to it are unused. */
static int32_t *
cell(int32_t *trace, int32_t d, int32_t k)
{
    return trace + (size_t)d * (size_t)d + (size_t)(d + k);
}

/* Whether the best way to diagonal k in round d adds a line of `after`, rather than leaving out one of `before`. */
static int
adds(int32_t *trace, int32_t d, int32_t k)
{
    return k == -d || (k != d && *cell(trace, d - 1, k - 1) < *cell(trace, d - 1, k + 1));
}

static int32_t
reach(const struct compare *c, int32_t *trace, int32_t d, int32_t k)
{
    int32_t n = (int32_t)(c->before.n - c->same_end - c->same_start);
    int32_t m = (int32_t)(c->after.n - c->same_end - c->same_start);
    int32_t x = 0;

    if (d > 0)
        x = adds(trace, d, k) ? *cell(trace, d - 1, k + 1) : *cell(trace, d - 1, k - 1) + 1;
    while (x < n && x - k < m && equal(c, c->same_start + (size_t)x, c->same_start + (size_t)(x - k)))
        x++;
    *cell(trace, d, k) = x;
    return x;
}

/* Goes back through the rounds from the end of both texts and marks each step that was a change. */
static void
mark_steps(struct compare *c, int32_t *trace, int32_t d, int32_t k)
{
    for (; d > 0; d--) {
        int     added = adds(trace, d, k);
        int32_t from = added ? k + 1 : k - 1;
        int32_t x = *cell(trace, d - 1, from);

        if (added)
            c->after.changed[c->same_start + (size_t)(x - from)] = 1;
        else
            c->before.changed[c->same_start + (size_t)x] = 1;
        k = from;
    }
}

/* 1: the changed lines are marked; 0: the texts are too different. */
static int
search(struct compare *c, int32_t *trace)
{
    int32_t n = (int32_t)(c->before.n - c->same_end - c->same_start);
    int32_t end = n - (int32_t)(c->after.n - c->same_end - c->same_start); /* the diagonal of both ends */

    for (int32_t d = 0; d <= DISTANCE_MAX; d++)
        for (int32_t k = -d; k <= d; k += 2)
            if (reach(c, trace, d, k) >= n && k == end) {
                mark_steps(c, trace, d, k);
                return 1;
            }
    return 0;
}

static int
mark_changes(struct compare *c)
{
    int32_t *trace = malloc((DISTANCE_MAX + 1) * (DISTANCE_MAX + 1) * sizeof(*trace));

    if (!trace)
        return -1;
    trim(c);
    if (!search(c, trace)) {
        memset(c->before.changed + c->same_start, 1, c->before.n - c->same_end - c->same_start);
        memset(c->after.changed + c->same_start, 1, c->after.n - c->same_end - c->same_start);
    }
    free(trace);
    return 0;
}

/* Where both texts are: the next line of each that was not looked at. */
struct place {
    size_t i;
    size_t j;
};

static int
at_end(const struct compare *c, struct place p)
{
    return p.i == c->before.n && p.j == c->after.n;
}

static int
at_change(const struct compare *c, struct place p)
{
    return (p.i < c->before.n && c->before.changed[p.i]) || (p.j < c->after.n && c->after.changed[p.j]);
}

static struct place
skip_change(const struct compare *c, struct place p)
{
    while (p.i < c->before.n && c->before.changed[p.i])
        p.i++;
    while (p.j < c->after.n && c->after.changed[p.j])
        p.j++;
    return p;
}

static struct place
skip_equal(const struct compare *c, struct place p, size_t limit)
{
    for (; limit > 0 && !at_end(c, p) && !at_change(c, p); limit--) {
        p.i++;
        p.j++;
    }
    return p;
}

/* Behind the last line of the hunk whose first change is at p: changes that are near enough belong to it. */
static struct place
hunk_end(const struct compare *c, struct place p, size_t context)
{
    for (;;) {
        struct place next;

        p = skip_change(c, p);
        next = skip_equal(c, p, 2 * context);
        if (!at_change(c, next))
            return skip_equal(c, p, context);
        p = next;
    }
}

/* Appends all of `bytes`, or nothing when that would go beyond the limit, and frees them. 0; 1: it would. */
static int
put_limited(struct edit_bytes *out, struct edit_bytes *bytes, size_t max)
{
    int cut = max > 0 && out->len + bytes->len > max;

    out->failed |= bytes->failed;
    if (!cut)
        edit_bytes_put(out, bytes->data, bytes->len);
    edit_bytes_free(bytes);
    return cut;
}

static int
put_line(struct edit_bytes *out, char mark, const struct line *line, size_t max)
{
    struct edit_bytes bytes = {0};

    edit_bytes_put(&bytes, &mark, 1);
    edit_bytes_put(&bytes, line->data, line->len);
    if (line->data[line->len - 1] != '\n')
        edit_bytes_text(&bytes, "\n\\ No newline at end of file\n");
    return put_limited(out, &bytes, max);
}

static int
put_text(struct edit_bytes *out, const char *text, size_t max)
{
    struct edit_bytes bytes = {0};

    edit_bytes_text(&bytes, text);
    return put_limited(out, &bytes, max);
}

/* The lines from p up to end. 0; 1: cut. */
static int
put_hunk(const struct compare *c, struct place p, struct place end, size_t max, struct edit_bytes *out)
{
    char   head[128];
    size_t n = end.i - p.i;
    size_t m = end.j - p.j;
    int    cut;

    (void)snprintf(head, sizeof(head), "@@ -%zu,%zu +%zu,%zu @@\n", p.i + (n > 0), n, p.j + (m > 0), m);
    cut = put_text(out, head, max);
    while (!cut && (p.i < end.i || p.j < end.j)) {
        if (p.i < end.i && c->before.changed[p.i]) {
            cut = put_line(out, '-', &c->before.line[p.i++], max);
        } else if (p.j < end.j && c->after.changed[p.j]) {
            cut = put_line(out, '+', &c->after.line[p.j++], max);
        } else {
            cut = put_line(out, ' ', &c->before.line[p.i++], max);
            p.j++;
        }
    }
    return cut;
}

static int
put_hunks(const struct compare *c, const struct diff_options *options, struct edit_bytes *out)
{
    size_t       context = options->context < DIFF_CONTEXT_MAX ? options->context : DIFF_CONTEXT_MAX;
    struct place p = {0};
    int          cut = 0;

    while (!cut) {
        struct place change = skip_equal(c, p, SIZE_MAX);
        size_t       before = change.i - p.i < context ? change.i - p.i : context;

        if (at_end(c, change))
            break;
        p = hunk_end(c, change, context);
        cut = put_hunk(c, (struct place){change.i - before, change.j - before}, p, options->max, out);
    }
    return cut;
}

static int
put_names(const char *before, const char *after, size_t max, struct edit_bytes *out)
{
    struct edit_bytes names = {0};

    edit_bytes_text(&names, "--- ");
    edit_bytes_text(&names, before);
    edit_bytes_text(&names, "\n+++ ");
    edit_bytes_text(&names, after);
    edit_bytes_text(&names, "\n");
    return put_limited(out, &names, max);
}

static void
free_side(struct side *side)
{
    free(side->line);
    free(side->changed);
}

int
diff_unified(const struct edit_text *before, const struct edit_text *after, const struct diff_options *options,
             struct edit_bytes *out, char *why)
{
    struct compare c = {0};
    int            r = 0;

    edit_bytes_put(out, "", 0);
    if (split(before, &c.before, why) != 0 || split(after, &c.after, why) != 0)
        r = -1;
    else if (mark_changes(&c) != 0)
        r = edit_say(before, 0, why, "no memory to compare it");
    if (r == 0 && !at_end(&c, skip_equal(&c, (struct place){0}, SIZE_MAX))) {
        r = put_names(before->name, after->name, options->max, out) || put_hunks(&c, options, out);
        if (r == 1)
            edit_bytes_text(out, CUT_NOTE);
        if (out->failed)
            r = edit_say(before, 0, why, "no memory to show what changes in it");
    }
    free_side(&c.before);
    free_side(&c.after);
    return r;
}
