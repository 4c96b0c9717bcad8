/* clean.c: text that strangers wrote, made fit to be shown. */
#include "kit/clean.h"

#include "kit/text.h"

#include <string.h>

/* U+0080 to U+009F, control characters too; U+200E and 200F, U+2028 to 202E, U+2066 to 2069. n is the sequence's
 * length. */
static int
is_treacherous(const unsigned char *s, size_t n)
{
    if (n == 1)
        return s[0] < 0x20 || s[0] == 0x7f;
    if (n == 2)
        return s[0] == 0xc2 && s[1] < 0xa0;
    if (n != 3 || s[0] != 0xe2)
        return 0;
    return (s[1] == 0x80 && (s[2] == 0x8e || s[2] == 0x8f || (s[2] >= 0xa8 && s[2] <= 0xae))) ||
           (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9);
}

char *
ga_clean(char *text)
{
    char  *to = text;
    char  *from = text;
    size_t left = strlen(text);

    while (left > 0) {
        size_t n = ga_utf8_len(from, left);
        size_t taken = n > 0 ? n : 1;

        if (n == 0 || is_treacherous((const unsigned char *)from, n)) {
            *to++ = '?';
        } else {
            memmove(to, from, n);
            to += n;
        }
        from += taken;
        left -= taken;
    }
    *to = '\0';
    return text;
}
