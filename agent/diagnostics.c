/* diagnostics.c: what is wrong with a manifest, and the nearest right word. */
#include "agent/diagnostics.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX 64
#define TEXT_MAX 1000
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

/* Keys and values are quoted in messages: what could break the line or steer a terminal becomes a question mark. */
static void
make_harmless(char *text)
{
    size_t cut = TEXT_MAX;

    if (strlen(text) > TEXT_MAX) { /* a value of a megabyte was quoted */
        while (((unsigned char)text[cut] & 0xc0) == 0x80)
            cut--;
        memcpy(text + cut, "...", 4);
    }
    for (unsigned char *c = (unsigned char *)text; *c; c++)
        if (*c < ' ' || *c == 0x7f || (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)) {
            if (*c == 0xc2) /* U+0080 to U+009F, two bytes */
                *c++ = '?';
            *c = '?';
        }
}

__attribute__((format(printf, 4, 0))) static void
add(struct diagnostics *diagnostics, struct place place, bool warning, const char *format, va_list args)
{
    struct diagnostic *items;
    char              *text = NULL;

    if (!warning)
        diagnostics->errors++; /* counted in any case: a manifest never passes for want of memory */
    if (diagnostics->count >= COUNT_MAX || vasprintf(&text, format, args) < 0) {
        diagnostics->dropped++;
        return;
    }
    items = reallocarray(diagnostics->items, diagnostics->count + 1, sizeof(*items));
    if (!items) {
        diagnostics->dropped++;
        free(text);
        return;
    }
    make_harmless(text);
    diagnostics->items = items;
    items[diagnostics->count] =
        (struct diagnostic){.place = place, .warning = warning, .order = diagnostics->count, .text = text};
    diagnostics->count++;
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
    if (one->place.column != other->place.column)
        return one->place.column < other->place.column ? -1 : 1;
    return one->order < other->order ? -1 : 1;
}

void
diagnostics_sort(struct diagnostics *diagnostics)
{
    if (diagnostics->count > 0)
        qsort(diagnostics->items, diagnostics->count, sizeof(*diagnostics->items), by_place);
}

void
diagnostics_print(struct diagnostics *diagnostics, FILE *out)
{
    diagnostics_sort(diagnostics);
    for (size_t i = 0; i < diagnostics->count; i++) {
        const struct diagnostic *item = &diagnostics->items[i];

        (void)fputs(diagnostics->file ? diagnostics->file : "manifest", out);
        if (item->place.line > 0)
            (void)fprintf(out, ":%u:%u", item->place.line, item->place.column);
        (void)fprintf(out, ": %s%s\n", item->warning ? "warning: " : "", item->text);
    }
    if (diagnostics->dropped > 0)
        (void)fprintf(out, "%s: and %zu more\n", diagnostics->file ? diagnostics->file : "manifest",
                      diagnostics->dropped);
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

/* The only one of the words that `word` is the beginning of. */
static const char *
completed(const char *word, const char *const *words, size_t n)
{
    size_t      len = strlen(word);
    const char *whole = NULL;

    for (size_t i = 0; len >= 3 && i < n; i++)
        if (strncmp(words[i], word, len) == 0) {
            if (whole && strcmp(whole, words[i]) != 0)
                return NULL;
            whole = words[i];
        }
    return whole;
}

const char *
suggest(const char *word, const char *const *words, size_t n)
{
    unsigned    most = (unsigned)(strlen(word) / 3) + 1;
    const char *nearest = NULL;

    for (size_t i = 0; i < n; i++) {
        unsigned d = distance(word, words[i]);

        if (2 * d < strlen(words[i]) && d <= most && (!nearest || d < distance(word, nearest)))
            nearest = words[i];
    }
    return nearest ? nearest : completed(word, words, n);
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
