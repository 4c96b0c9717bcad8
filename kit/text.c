/* text.c: UTF-8. */
#include "kit/text.h"

size_t
ga_utf8_len(const char *text, size_t left)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t               n = s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
    unsigned             least = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80; /* below: overlong */
    unsigned             most = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;  /* above: a surrogate, or too far */

    if (s[0] < 0x80)
        return 1;
    if (n == 0 || n > left || s[1] < least || s[1] > most)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return n;
}
