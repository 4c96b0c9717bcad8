/* watching.h: a process that gives up looking into others. */
#ifndef AGENT_WATCHING_H
#define AGENT_WATCHING_H

/*
 * Gives up the capabilities that let a process read memory and environment of others although Landlock forbids to trace
 * them (since Linux 6.17 CAP_PERFMON does; CAP_SYS_ADMIN includes it), for good: also for what it executes, once
 * no_new_privs is set. 0, or -errno. A process without them has nothing to give up. One thread.
 */
int watching_drop(void);

#endif
