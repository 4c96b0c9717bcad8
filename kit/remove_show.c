/* remove_show.c: names of files as people and JSON can read them. */
#include "kit/remove_walk.h"

#include <stdio.h>
#include <string.h>

#define SHOWN_MAX 1024 /* of one name: 255 bytes, four characters each at most */

/* Would it move the cursor, hide, or turn text around? Such characters could make one name look like another. */
static int
deceives(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

/* Length of the character at p when it is well-formed UTF-8 that can be shown as it is, else 0. */
static size_t
showable(const unsigned char *p)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t                len = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : p[0] >> 3 == 30 ? 4 : 0;
    uint32_t              c;

    if (len == 0)
        return 0;
    if (len == 1)
        return deceives(p[0]) || p[0] == '\\' ? 0 : 1;
    c = p[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if (p[i] >> 6 != 2)
            return 0; /* the end of the text stops here too */
        c = c << 6 | (p[i] & 0x3fu);
    }
    if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) || deceives(c))
        return 0;
    return len;
}

char *
ga_show_name(const char *name, char *buf, size_t len)
{
    size_t at = 0;

    if (len == 0)
        return buf;
    for (const unsigned char *p = (const unsigned char *)name; *p;) {
        size_t n = showable(p);
        char   piece[5] = "";
        size_t size;

        if (n > 0)
            memcpy(piece, p, n);
        else
            (void)snprintf(piece, sizeof(piece), *p == '\\' ? "\\\\" : "\\x%02x", *p);
        size = strlen(piece);
        if (at + size >= len)
            break;
        memcpy(buf + at, piece, size);
        at += size;
        p += n > 0 ? n : 1;
    }
    buf[at] = '\0';
    return buf;
}

/* Puts text before what is at *at. 0, or -1 when there is no room. */
static int
put_before(char *buf, size_t *at, const char *text)
{
    size_t len = strlen(text);

    if (len > *at)
        return -1;
    *at -= len;
    memcpy(buf + *at, text, len);
    return 0;
}

char *
ga_walk_path(const struct ga_walk *walk, const char *name, char *buf, size_t len)
{
    char   shown[SHOWN_MAX];
    size_t at = len;
    int    full;

    if (len == 0)
        return buf;
    buf[--at] = '\0';
    full = name && put_before(buf, &at, ga_show_name(name, shown, sizeof(shown))) < 0;
    for (size_t level = ga_walk_depth(walk); level > 0 && !full; level--) {
        full = buf[at] != '\0' && put_before(buf, &at, "/") < 0;
        full = full || put_before(buf, &at, ga_show_name(ga_walk_name(walk, level), shown, sizeof(shown))) < 0;
    }
    if (full && len > 4) {
        at = at < 3 ? 0 : at - 3;
        memcpy(buf + at, "...", 3);
    }
    memmove(buf, buf + at, strlen(buf + at) + 1);
    return buf;
}
