/* main.c: one program: the daemon, the command line, and the processes that they start of themselves. */
#include "agent/cli.h"
#include "agent/cli_common.h"
#include "agent/commands.h"
#include "agent/compile.h"
#include "agent/runner.h"
#include "agent/supervisor.h"

#include <stdlib.h>
#include <string.h>

int
cli_daemon(struct cli *cli)
{
    struct command_words words;
    char                *manifest = cli_absolute(cli->manifest);
    int                  r = command_parse("daemon", cli->argc, cli->argv, &words);

    if (r == 0)
        r = manifest ? supervisor_main(manifest, cli->plugin_dir) : EXIT_FAILED;
    free(manifest);
    return r;
}

int
main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--runner") == 0)
        return runner_main();
    if (argc > 2 && strcmp(argv[1], "--compile") == 0)
        return compile_main(argc, argv);
    return cli_main(argc, argv);
}
