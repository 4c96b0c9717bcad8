/* cli_daemon.c: `daemon`. */
#include "agent/cli.h"
#include "agent/cli_common.h"
#include "agent/commands.h"
#include "agent/supervisor.h"

#include <stdlib.h>

int
cli_daemon(struct cli *cli)
{
    struct command_words words;
    char                *manifest = cli_absolute(cli->manifest);
    int                  r = command_parse("daemon", cli->argc, cli->argv, &words);

    if (r == 0)
        r = manifest ? supervisor_main(manifest, cli->plugin_dir) : EXIT_FAILED;
    if (r == EXIT_MANIFEST && cli->json)
        (void)cli_check(cli); /* what was wrong, once more for a program that reads */
    free(manifest);
    return r;
}
