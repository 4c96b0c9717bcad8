/* kit/clean.h: text that strangers wrote, made fit to be shown. Pure, thread-safe. */
#ifndef GA_KIT_CLEAN_H
#define GA_KIT_CLEAN_H

/*
 * Replaces in place each control character (a terminal would obey it, a line would end), each character that turns the
 * direction of writing round, and each byte that is no UTF-8 (a text that was cut off may end within a character) by
 * '?'. Returns text.
 */
char *ga_clean(char *text);

#endif
