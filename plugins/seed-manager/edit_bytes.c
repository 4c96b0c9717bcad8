/* edit_bytes.c: the buffers of the editors, see edit_bytes.h. */
#include "plugins/seed-manager/edit_bytes.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 256

static int
grow(struct edit_bytes *bytes, size_t need)
{
    size_t cap = bytes->cap ? bytes->cap : FIRST_SIZE;
    char  *data;

    if (need <= bytes->cap)
        return 0;
    while (cap < need && cap <= SIZE_MAX / 2)
        cap *= 2;
    data = cap >= need ? realloc(bytes->data, cap) : NULL;
    if (!data)
        return -1;
    bytes->data = data;
    bytes->cap = cap;
    return 0;
}

void
edit_bytes_put(struct edit_bytes *bytes, const char *data, size_t len)
{
    if (bytes->failed)
        return;
    if (len >= SIZE_MAX - bytes->len || grow(bytes, bytes->len + len + 1) != 0) {
        bytes->failed = 1;
        return;
    }
    if (len > 0)
        memcpy(bytes->data + bytes->len, data, len);
    bytes->len += len;
    bytes->data[bytes->len] = '\0';
}

void
edit_bytes_text(struct edit_bytes *bytes, const char *text)
{
    edit_bytes_put(bytes, text, strlen(text));
}

void
edit_bytes_free(struct edit_bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct edit_bytes){0};
}

int
edit_splice(const struct edit_text *in, size_t from, size_t to, const struct edit_bytes *with, struct edit_bytes *out)
{
    edit_bytes_put(out, in->data, from);
    edit_bytes_put(out, with->data, with->len);
    edit_bytes_put(out, in->data + to, in->len - to);
    return with->failed || out->failed ? -1 : 0;
}

size_t
edit_line_of(const struct edit_text *in, size_t at)
{
    size_t line = 1;

    for (size_t i = 0; i < at && i < in->len; i++)
        line += in->data[i] == '\n';
    return line;
}

int
edit_say(const struct edit_text *in, size_t line, char *why, const char *format, ...)
{
    char    sentence[EDIT_WHY_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    if (line > 0)
        (void)snprintf(why, EDIT_WHY_MAX, "%.200s:%zu: %.280s", in->name, line, sentence);
    else
        (void)snprintf(why, EDIT_WHY_MAX, "%.200s: %.280s", in->name, sentence);
    return -1;
}
