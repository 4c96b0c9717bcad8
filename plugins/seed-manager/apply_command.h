/* apply_command.h: the operator's programs that stop, start and restart the node, each run as an act. */
#ifndef SEED_APPLY_COMMAND_H
#define SEED_APPLY_COMMAND_H

#include "plugins/seed-manager/place.h"

#include <gonka-agent/plugin.h>

/* What the command is for. */
enum apply_command {
    APPLY_RESTART, /* restart_command, restart_args */
    APPLY_STOP,    /* stop_command, stop_args */
    APPLY_START,   /* start_command, start_args */
};

/* Whether the options name a program for it. */
int apply_command_given(struct ga_run *run, const struct ga_host *host, enum apply_command command);

/* Runs it in deploy_dir, as an act. GA_CHANGED (in a dry run: would be), GA_REFUSED, GA_FAILED: `why` tells it. */
int apply_command_run(struct ga_run *run, const struct ga_host *host, enum apply_command command,
                      const char *deploy_dir, char *why);

/* What an operator types for it instead, in `ret`. Before its first start the node takes config.env, which it must be
 * created with; later a restart is enough. Returns ret. */
char *apply_command_by_hand(enum apply_command command, const struct place *place, char *ret, size_t len);

#endif
