/* cli.c: sorts a command line and runs its command. */
#include "agent/cli.h"

#include "agent/cli_common.h"
#include "agent/commands.h"
#include "agent/diagnostics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The value of --name=VALUE, or of --name VALUE or -l VALUE, which takes one word more. NULL: not this option. */
static const char *
value_of(char **argv, int argc, int *i, const char *name, char letter)
{
    const char *arg = argv[*i];
    size_t      len = strlen(name);

    if (strncmp(arg, "--", 2) == 0 && strncmp(arg + 2, name, len) == 0 && arg[2 + len] == '=')
        return arg + 3 + len;
    if (!(strncmp(arg, "--", 2) == 0 && strcmp(arg + 2, name) == 0) &&
        !(letter && arg[0] == '-' && arg[1] == letter && arg[2] == '\0'))
        return NULL;
    if (*i + 1 >= argc)
        return "";
    return argv[++*i];
}

static int
needs_value(const char *option)
{
    (void)fprintf(stderr, "gonka-agent: %s needs a value\n", option);
    return EXIT_USAGE;
}

/* Takes the options that all commands know; the rest moves to the front of argv. */
static int
take_common(struct cli *cli, int argc, char **argv)
{
    bool options = true;

    cli->argv = argv;
    for (int i = 0; i < argc; i++) {
        const char *value;

        if (options && strcmp(argv[i], "--") == 0)
            options = false;
        if (options && strcmp(argv[i], "--json") == 0) {
            cli->json = true;
        } else if (options && (value = value_of(argv, argc, &i, "config", 'c')) != NULL) {
            if (!*value)
                return needs_value("-c");
            cli->manifest = value;
        } else if (options && (value = value_of(argv, argc, &i, "plugin-dir", 0)) != NULL) {
            if (!*value)
                return needs_value("--plugin-dir");
            free(cli->plugin_dir);
            cli->plugin_dir = cli_absolute(value);
        } else {
            argv[cli->argc++] = argv[i];
        }
    }
    return 0;
}

static int
unknown_command(const char *name)
{
    const char *names[64];
    size_t      n = 0;
    char        hint[128];

    for (; commands[n].name && n < 64; n++)
        names[n] = commands[n].name;
    (void)fprintf(stderr, "gonka-agent: there is no command '%s'%s\n", name,
                  suggestion(name, names, n, hint, sizeof(hint)));
    commands_usage(stderr);
    return EXIT_USAGE;
}

/* `gonka-agent COMMAND --help`, wherever it stands. */
static bool
wants_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

int
cli_main(int argc, char **argv)
{
    struct cli            cli = {.manifest = DEFAULT_MANIFEST};
    const struct command *command;
    int                   r;

    if (argc < 2) {
        commands_usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
        (void)puts("gonka-agent " PACKAGE_VERSION);
        return 0;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        commands_usage(stdout);
        return 0;
    }
    command = command_find(argv[1]);
    if (!command)
        return unknown_command(argv[1]);
    if (wants_help(argc - 2, argv + 2)) {
        command_help(command, stdout);
        return 0;
    }
    r = take_common(&cli, argc - 2, argv + 2);
    if (r == 0)
        r = command->run(&cli);
    free(cli.plugin_dir);
    return r;
}
