/* program.h: is this file a program for this machine, and does it run? */
#ifndef UPGRADE_PRELOAD_PROGRAM_H
#define UPGRADE_PRELOAD_PROGRAM_H

#include "plugins/upgrade-preload/decide.h"

#include <stddef.h>
#include <stdint.h>

/* What an ELF file's head says. */
struct up_elf {
    const char *platform;   /* "linux/amd64"; "" for another machine */
    char        loader[96]; /* the program that the kernel needs to start it; "": static */
};

/* Reads it. 0; -ENOEXEC with a sentence when it is no 64-bit ELF program or its head is broken; else -errno. */
int up_elf_read(int fd, struct up_elf *ret, char *why, size_t len);

/* sha256 of a file from its start, in hex. 0, -ECANCELED or -errno. */
int up_hash(int fd, int cancel_fd, char sha256[UP_SHA256]);

/* How a program is tried. */
struct up_try {
    const char *path;
    const char *argument; /* "version", or what else makes it end at once */
    int         may_fail; /* exit status 1 counts as running, too */
    const char *home;     /* a folder of its own, the only one that it may write below, and its HOME */
    int64_t     timeout_ns;
    int         cancel_fd;
};

/*
 * Runs it in a process that may write nowhere but below `home`, opens no TCP connection and no port (as far as the
 * kernel knows how), and has little memory, time, and file size. *ret_said gets the first line of what it wrote,
 * cleaned. 0; or -ECANCELED, or another negative errno with a sentence: -ENOEXEC it does not run.
 */
int up_try_program(const struct up_try *attempt, char *ret_said, size_t said_len, char *why, size_t len);

#endif
