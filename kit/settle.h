/* kit/settle.h: memory that a resident task needs no longer once it has started. */
#ifndef GA_KIT_SETTLE_H
#define GA_KIT_SETTLE_H

/*
 * Lets go of what starting has read of programs and libraries: their tables for the loader, and code that runs once.
 * These pages are never written to, so nothing is lost: what is needed again comes back from the page cache. Of a
 * library like libcurl, with some forty below it, that is more than half of what a small task has in memory. Call it
 * once, when the task has done for the first time what it goes on doing. A debugger's breakpoints are lost by it.
 */
void ga_settle(void);

#endif
