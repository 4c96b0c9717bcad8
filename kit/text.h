/* kit/text.h: bytes that claim to be text. Thread-safe. */
#ifndef GA_KIT_TEXT_H
#define GA_KIT_TEXT_H

#include <stddef.h>

/* Bytes of the UTF-8 sequence at `text`, of which `left` may be read; 0 when there is none: overlong forms, surrogates
 * and what lies beyond U+10FFFF are none (RFC 3629). left is at least 1. */
size_t ga_utf8_len(const char *text, size_t left);

#endif
