/* diagnostics.c: what is wrong with a manifest, and the nearest right word. */
#include "agent/diagnostics.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX 64
#define COUNT_MAX 1000 /* more than anybody reads */

void
diagnostics_init(struct diagnostics *diagnostics, const char *file)
{
    *diagnostics = (struct diagnostics){.file = strdup(file)};
}

void
diagnostics_done(struct diagnostics *diagnostics)
{
    for (size_t i = 0; i < diagnostics->count; i++)
        free(diagnostics->items[i].text);
    free(diagnostics->items);
    free(diagnostics->file);
    *diagnostics = (struct diagnostics){.file = NULL};
}

__attribute__((format(printf, 4, 0))) static void
add(struct diagnostics *diagnostics, struct place place, bool warning, const char *format, va_list args)
{
    struct diagnostic *items;
    char              *text = NULL;

    if (!warning)
        diagnostics->errors++; /* counted in any case: a manifest never passes for want of memory */
    if (diagnostics->count >= COUNT_MAX || vasprintf(&text, format, args) < 0)
        return;
    items = reallocarray(diagnostics->items, diagnostics->count + 1, sizeof(*items));
    if (!items) {
        free(text);
        return;
    }
    diagnostics->items = items;
    items[diagnostics->count++] = (struct diagnostic){.place = place, .warning = warning, .text = text};
}

void
diagnose(struct diagnostics *diagnostics, struct place place, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(diagnostics, place, false, format, args);
    va_end(args);
}

void
diagnose_warning(struct diagnostics *diagnostics, struct place place, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(diagnostics, place, true, format, args);
    va_end(args);
}

static int
by_place(const void *a, const void *b)
{
    const struct diagnostic *one = a;
    const struct diagnostic *other = b;

    if (one->place.line != other->place.line)
        return one->place.line < other->place.line ? -1 : 1;
    return one->place.column < other->place.column ? -1 : one->place.column > other->place.column;
}

void
diagnostics_print(struct diagnostics *diagnostics, FILE *out)
{
    if (diagnostics->count > 0)
        qsort(diagnostics->items, diagnostics->count, sizeof(*diagnostics->items), by_place);
    for (size_t i = 0; i < diagnostics->count; i++) {
        const struct diagnostic *item = &diagnostics->items[i];

        (void)fputs(diagnostics->file ? diagnostics->file : "manifest", out);
        if (item->place.line > 0)
            (void)fprintf(out, ":%u:%u", item->place.line, item->place.column);
        (void)fprintf(out, ": %s%s\n", item->warning ? "warning: " : "", item->text);
    }
}

static unsigned
least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* '-' and '_' are the slip that is made most: they count as the same letter. */
static int
same(char a, char b)
{
    a = a == '-' ? '_' : (char)tolower((unsigned char)a);
    b = b == '-' ? '_' : (char)tolower((unsigned char)b);
    return a == b;
}

/* Insertions, deletions, changes and swaps of neighbours that turn one word into the other. */
static unsigned
distance(const char *a, const char *b)
{
    size_t   n = strlen(a);
    size_t   m = strlen(b);
    unsigned rows[3][WORD_MAX + 1];

    if (n > WORD_MAX || m > WORD_MAX)
        return WORD_MAX;
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned *row = rows[i % 3];
        unsigned *above = rows[(i - 1) % 3];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            row[j] = least(least(above[j] + 1, row[j - 1] + 1), above[j - 1] + !same(a[i - 1], b[j - 1]));
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
                row[j] = least(row[j], rows[(i - 2) % 3][j - 2] + 1);
        }
    }
    return rows[n % 3][m];
}

const char *
suggest(const char *word, const char *const *words, size_t n)
{
    unsigned    most = (unsigned)(strlen(word) / 3) + 1;
    const char *nearest = NULL;

    for (size_t i = 0; i < n; i++) {
        unsigned d = distance(word, words[i]);

        if (d < strlen(words[i]) && d <= most && (!nearest || d < distance(word, nearest)))
            nearest = words[i];
    }
    return nearest;
}

char *
suggestion(const char *word, const char *const *words, size_t n, char *buf, size_t len)
{
    const char *nearest = suggest(word, words, n);

    *buf = '\0';
    if (nearest)
        (void)snprintf(buf, len, ", did you mean '%s'?", nearest);
    return buf;
}
