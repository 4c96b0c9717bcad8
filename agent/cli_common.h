/* cli_common.h: what several commands share: where the daemon's socket and state are, exit codes of outcomes. */
#ifndef AGENT_CLI_COMMON_H
#define AGENT_CLI_COMMON_H

#include <cjson/cJSON.h>
#include <stdint.h>

struct cli;

/* Where the daemon of this manifest is to be found; owned. */
struct cli_places {
    char *socket;
    char *state_dir;
};

/* Reads the agent's part of the manifest, no plugin is opened. 0, or an exit code after saying on stderr what is wrong.
 */
int  cli_places(const struct cli *cli, struct cli_places *ret);
void cli_places_done(struct cli_places *places);

/* Where a relative name leads from here, for processes that work in `/`; the caller frees it. NULL without memory. */
char *cli_absolute(const char *path);

/*
 * The folder of the installed plugins: that of the manifest when there is a readable one, else the built-in one. The
 * caller frees it; NULL without memory.
 */
char *cli_plugin_dir(const struct cli *cli);

/* Prints words for the completion of the shell, one a line: "plugins", "tasks" of PLUGIN, "arguments" of PLUGIN TASK.
 */
int cli_words(const struct cli *cli, const char *kind, char *const *of, int n_of);

/* The exit code of an outcome's name. */
int cli_outcome_exit(const char *outcome);

/* A time of the command line: a duration back from now, or a UTC time. 0 or -EINVAL. */
int cli_since(const char *text, int64_t now_ns, int64_t *ret_ns);

/* Adds "time" (ISO) to an event that has "time_ns". */
void cli_event_time(cJSON *event);

#endif
