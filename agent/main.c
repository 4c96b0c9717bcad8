/* main.c: one program: the daemon, the command line, and the processes that they start of themselves. */
#include "agent/cli.h"
#include "agent/compile.h"
#include "agent/runner.h"

#include <stdio.h>
#include <string.h>

int
main(int argc, char **argv)
{
    int r;

    if (argc == 2 && strcmp(argv[1], "--runner") == 0)
        return runner_main();
    if (argc > 2 && strcmp(argv[1], "--compile") == 0)
        return compile_main(argc, argv);
    r = cli_main(argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("gonka-agent: what was to be printed could not be written");
        return r ? r : EXIT_FAILED;
    }
    return r;
}
