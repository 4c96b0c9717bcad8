/* stage.h: a program of an upgrade in the work folder: fetched, unpacked, verified, tried. */
#ifndef UPGRADE_PRELOAD_STAGE_H
#define UPGRADE_PRELOAD_STAGE_H

#include "plugins/upgrade-preload/decide.h"

#include <gonka-agent/plugin.h>

#include <stddef.h>
#include <stdint.h>

/* What is wanted. Strings are borrowed. */
struct up_wish {
    const char *work_dir;
    const char *daemon;   /* "inferenced" */
    const char *argument; /* that it is tried with */
    int         may_fail; /* status 1 counts as running */
    const char *platform;
    const char *url;
    const char *archive_sha256; /* "": unverified, which was allowed */
    const char *file_sha256;    /* of the program itself; "": not given */
    uint64_t    max_archive;
    uint64_t    max_extracted;
    int         must_run; /* 1: what cannot be tried on this machine is not installed */
    int64_t     try_timeout_ns;
};

/* What came of it. */
struct up_staged {
    int      fd; /* the program, open for reading; -1: none */
    char     sha256[UP_SHA256];
    char     archive_sha256[UP_SHA256];
    uint64_t fetched; /* bytes that came over the network */
    uint64_t bytes;   /* of the program */
    int      resumed;
    char     said[160];    /* its version, or what else it wrote first */
    char     not_run[200]; /* why it was not tried; "" when it was */
};

/*
 * Does it. What is in the work folder of an earlier run is used. An outcome: GA_OK, GA_REFUSED (not the expected
 * checksum, an archive that is not to be trusted, no program for this machine), GA_UNKNOWN (could not be fetched, or
 * the run was cancelled: the next run goes on), GA_FAILED (the disk); with a sentence unless GA_OK. Give *ret to
 * up_staged_done() in any case.
 */
int  up_stage(struct ga_run *run, const struct ga_host *host, const struct up_wish *wish, struct up_staged *ret,
              char *why, size_t len);
void up_staged_done(struct up_staged *staged);

/* Removes what up_stage() keeps in the work folder. Other files there are left alone. */
void up_stage_clear(const char *work_dir);

/*
 * Tries a program where it lies: is it for this platform, is its loader here, does it run? An outcome as above;
 * *ret_said and `not_run` as in struct up_staged. `wish` needs work_dir, daemon, argument, may_fail, platform, must_run
 * and try_timeout_ns.
 */
int up_stage_try(const struct up_wish *wish, const char *path, int cancel_fd, struct up_staged *ret, char *why,
                 size_t len);

#endif
