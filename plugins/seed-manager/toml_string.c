/* toml_string.c: the four forms of TOML strings and their escapes, see toml_scan.h. */
#include "plugins/seed-manager/toml_scan.h"

#include <stdint.h>
#include <string.h>

static int
refuse(const struct toml_scan *scan, size_t at, const char *what)
{
    return edit_say(scan->in, edit_line_of(scan->in, at), scan->why, "%s; correct the line by hand", what);
}

static void
put(struct edit_bytes *content, const char *data, size_t len)
{
    if (content)
        edit_bytes_put(content, data, len);
}

static void
put_utf8(struct edit_bytes *content, uint32_t c)
{
    char   out[4];
    size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    char   lead[] = {0, 0, (char)0xc0, (char)0xe0, (char)0xf0};

    for (size_t i = len; i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)((unsigned char)lead[len] | c);
    put(content, out, len);
}

/* \u or \U with its digits, of which `at` is at the letter. */
static int
read_unicode(struct toml_scan *scan, size_t digits, struct edit_bytes *content)
{
    uint32_t c = 0;

    for (size_t i = 1; i <= digits; i++) {
        const char *hex = "0123456789abcdef";
        char        d = toml_peek(scan, i);
        const char *found = d ? strchr(hex, d >= 'A' && d <= 'F' ? d + 32 : d) : NULL;

        if (!found)
            return refuse(scan, scan->at, "a \\u or \\U without its 4 or 8 hex digits");
        c = c << 4 | (uint32_t)(found - hex);
    }
    if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return refuse(scan, scan->at, "a \\u or \\U that names no character");
    put_utf8(content, c);
    scan->at += digits + 1;
    return 0;
}

/* A backslash at the end of a line of a multi-line string: it takes all blanks and line ends up to the next word. */
static int
read_line_join(struct toml_scan *scan)
{
    size_t from = scan->at;

    toml_skip_blanks(scan);
    if (toml_peek(scan, 0) != '\n' && toml_peek(scan, 0) != '\r')
        return refuse(scan, from, "a backslash before blanks in a string");
    while (toml_peek(scan, 0) && strchr(" \t\r\n", toml_peek(scan, 0)))
        scan->at++;
    return 0;
}

static int
read_escape(struct toml_scan *scan, int multi, struct edit_bytes *content)
{
    static const char letters[] = "btnfr\"\\";
    static const char meant[] = "\b\t\n\f\r\"\\";
    char              c = toml_peek(scan, 1);
    const char       *found = c ? strchr(letters, c) : NULL;

    scan->at++;
    if (found) {
        put(content, meant + (found - letters), 1);
        scan->at++;
        return 0;
    }
    if (c == 'u' || c == 'U')
        return read_unicode(scan, c == 'u' ? 4 : 8, content);
    if (multi && c && strchr(" \t\r\n", c))
        return read_line_join(scan);
    return refuse(scan, scan->at - 1, "a backslash in a string that begins no escape of TOML");
}

/* Behind the opening quote of "..." or '...'. */
static int
read_one_line(struct toml_scan *scan, char quote, struct edit_bytes *content)
{
    size_t from = scan->at;
    char   c;

    while ((c = toml_peek(scan, 0)) != quote) {
        if (c == '\0' || c == '\n' || c == '\r')
            return refuse(scan, from, "a string without its closing quote");
        if (c == '\\' && quote == '"') {
            if (read_escape(scan, 0, content) != 0)
                return -1;
            continue;
        }
        put(content, &c, 1);
        scan->at++;
    }
    scan->at++;
    return 0;
}

/* Quotes in a multi-line string: three close it, and up to two before them belong to the content. 1: closed. */
static int
read_quotes(struct toml_scan *scan, char quote, struct edit_bytes *content)
{
    size_t n = 0;
    size_t inside;

    while (n < 5 && toml_peek(scan, n) == quote)
        n++;
    inside = n < 3 ? n : n - 3;
    put(content, scan->in->data + scan->at, inside);
    scan->at += n;
    return n >= 3;
}

/* Behind the opening quotes of a multi-line string. */
static int
read_multi_line(struct toml_scan *scan, char quote, struct edit_bytes *content)
{
    size_t from = scan->at;

    if (toml_peek(scan, 0) == '\r')
        scan->at++;
    if (toml_peek(scan, 0) == '\n')
        scan->at++;
    for (;;) {
        char c = toml_peek(scan, 0);

        if (c == '\0')
            return refuse(scan, from, "a multi-line string without its closing quotes");
        if (c == quote) {
            if (read_quotes(scan, quote, content))
                return 0;
            continue;
        }
        if (c == '\\' && quote == '"') {
            if (read_escape(scan, 1, content) != 0)
                return -1;
            continue;
        }
        if (c != '\r')
            put(content, &c, 1);
        scan->at++;
    }
}

int
toml_read_string(struct toml_scan *scan, struct edit_bytes *content)
{
    char quote = toml_peek(scan, 0);

    put(content, "", 0);
    if (toml_peek(scan, 1) == quote && toml_peek(scan, 2) == quote) {
        scan->at += 3;
        return read_multi_line(scan, quote, content);
    }
    scan->at++;
    return read_one_line(scan, quote, content);
}
