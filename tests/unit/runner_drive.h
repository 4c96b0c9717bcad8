/*
 * runner_drive.h: a supervisor for tests: starts a runner in a child process, answers what it asks, and keeps what it
 * says.
 *
 * The plugins of tests/plugins are looked for in $GA_TEST_PLUGINS, else in tests/plugins below the current folder.
 */
#ifndef TESTS_RUNNER_DRIVE_H
#define TESTS_RUNNER_DRIVE_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <sys/types.h>

struct drive {
    /* set before */
    const char *plugin;
    const char *task;    /* NULL: mode "describe" */
    const char *job;     /* more members of the job, as JSON text: "\"dry_run\":true"; or NULL */
    const char *options; /* JSON objects; NULL: {} */
    const char *args;
    const char *rules;
    const char *env;          /* one "NAME=value", or NULL */
    const char *sandbox;      /* NULL: best-effort */
    const char *event;        /* sent for each "next", as JSON text; or NULL */
    unsigned    n_events;     /* how many of them */
    int         answer;       /* of acts: 1, 0, -1 */
    int         sync_fd;      /* passed with answer 1; -1: a file in memory */
    const char *hang_up_at;   /* close the wire when such a packet came */
    const char *cancel_at;    /* SIGTERM when such a packet came */
    const char *cancel_text;  /* only when the packet holds this text; NULL: any */
    int         cancel_after; /* SIGTERM when the wire was hung up, as the kernel does it when an agent dies */
    /* found after drive() */
    cJSON *packets; /* all of them, in order */
    int    status;  /* of waitpid() */
    char  *result;
    char  *text;
    char  *output; /* standard output and error */
    char   state_dir[64];
};

/* The file of a test plugin. Static storage. */
const char *drive_plugin(const char *name);

/* Runs it to its end. Fails the test when that takes more than 20 s. */
void drive(struct drive *drive);

/* Frees what was found, and the plugin's folder when drive() made it. */
void drive_done(struct drive *drive);

/* A new folder, of a name that fits into `ret`. */
void drive_folder(char ret[64]);

/* The first packet (the nth: from 0) of the type, or NULL. */
const cJSON *drive_packet(const struct drive *drive, const char *type, unsigned n);
unsigned     drive_count(const struct drive *drive, const char *type);

/* A member of a packet as text; "" when it is not there. */
const char *drive_str(const cJSON *packet, const char *key);

/* Outcome, summary and kind of the end packet; -1 and "" without one. */
int         drive_outcome(const struct drive *drive);
const char *drive_summary(const struct drive *drive);
const char *drive_kind(const struct drive *drive);

#endif
