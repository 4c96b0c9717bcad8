/* child.h: a process for a piece of work that may end in any way. */
#ifndef POC_CHILD_H
#define POC_CHILD_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Forks; the child calls work(arg, fd) with one end of a pair of Unix sockets of this type and ends when that returns.
 * It keeps no other descriptor, has default signals, and is killed when the thread that started it ends. Returns its
 * pid and the other end in *ret_fd; -1 with errno. The caller has one thread.
 */
pid_t poc_child_start(int type, void (*work)(const void *arg, int fd), const void *arg, int *ret_fd);

/* How a process ended, as a sentence without a subject: "was killed by signal 11 (SIGSEGV): ...". Returns buf. */
char *poc_child_end(int status, char *buf, size_t len);

/* Kills it and waits for it; pid <= 0: nothing. */
void poc_child_kill(pid_t pid);

#endif
