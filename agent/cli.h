/*
 * cli.h: the command line, as its commands see it. One function per command; the table is in commands.c.
 *
 * Exit codes mean something: scripts rely on them.
 */
#ifndef AGENT_CLI_H
#define AGENT_CLI_H

#include <stdbool.h>

#define EXIT_FAILED 1
#define EXIT_USAGE 2
#define EXIT_REFUSED 3
#define EXIT_UNKNOWN 4
#define EXIT_MANIFEST 78

struct cli {
    const char *manifest;   /* as it was named */
    char       *plugin_dir; /* of --plugin-dir, absolute; or NULL */
    bool        json;
    int         argc; /* what follows the command, without the options that all commands take */
    char      **argv;
};

/* Sorts the options that all commands take from the rest and runs the command. Returns the exit code. */
int cli_main(int argc, char **argv);

int cli_check(struct cli *cli);
int cli_daemon(struct cli *cli);
int cli_events(struct cli *cli);
int cli_help(struct cli *cli);
int cli_init(struct cli *cli);
int cli_journal(struct cli *cli);
int cli_pause(struct cli *cli);
int cli_plan(struct cli *cli);
int cli_plugins(struct cli *cli);
int cli_reload(struct cli *cli);
int cli_resume(struct cli *cli);
int cli_run(struct cli *cli);
int cli_status(struct cli *cli);

#endif
