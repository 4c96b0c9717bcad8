/* bad-no-symbol.c: a shared object that is no plugin. */
#include <gonka-agent/plugin.h>

extern GA_EXPORT const int something_else;

const int something_else = 1;
