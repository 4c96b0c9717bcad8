/*
 * cli_carry.h: one run for the command line: by the daemon when one answers, here when there is none.
 *
 * A daemon that is there and cannot be asked is no reason to run here: two runs of one plugin could meet.
 */
#ifndef AGENT_CLI_CARRY_H
#define AGENT_CLI_CARRY_H

#include "agent/cli_common.h"

#include <cjson/cJSON.h>
#include <stdbool.h>

struct cli;

/* How tasks are run in this call of the program. */
struct carry {
    const struct cli *cli;
    struct cli_places places;
    cJSON            *compiled; /* owned; NULL: not needed so far */
    bool              local;    /* do not ask the daemon */
};

struct carry_wish {
    const char  *plugin;
    const char  *task;
    const cJSON *args;  /* NULL: the manifest's */
    const cJSON *rules; /* likewise */
    bool         dry_run;
};

/* Finds the daemon's places. 0, or an exit code after saying why. carry_done() is due either way. */
int  carry_init(struct carry *carry, const struct cli *cli);
void carry_done(struct carry *carry);

/* Compiles the manifest unless that was done. 0, or an exit code after saying why. */
int carry_compile(struct carry *carry);

/*
 * For commands that show what this manifest would do: leaves it to the daemon only when it has the manifest in force
 * as the file is now, and says so where it does not. 0, or an exit code when a daemon is there and cannot be asked.
 */
int carry_prefer_daemon(struct carry *carry);

/* Says that there is no such plugin or task (NULL: any), with the nearest name. `plugins`: objects with "name",
 * "tasks". Returns false and says nothing when it has. */
bool carry_missing(const cJSON *plugins, const char *where, const char *plugin, const char *task);

/* Runs it. 0 and *ret_end (the closing line; the caller frees it), or an exit code after saying why. */
int carry_out(struct carry *carry, const struct carry_wish *wish, cJSON **ret_end);

#endif
