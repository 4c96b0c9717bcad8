/* commands.c: the one table of the command line, and the parsing of a command's options by it. */
#include "agent/commands.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cli.h"

#define OUTCOMES "ok changed refused unknown failed"

const struct command_option command_common[] = {
    {"config", 'c', "MANIFEST", NULL, "the manifest; default: the installed one"},
    {"plugin-dir", 0, "DIR", NULL, "look for plugins here first, for a plugin under development"},
    {"json", 0, NULL, NULL, "print the same facts as JSON"},
    {.name = NULL},
};

const struct command commands[] = {
    {.name = "daemon",
     .words = "",
     .complete = "",
     .summary = "run in the foreground",
     .description =
         "Checks the manifest, starts resident tasks and runs all others on their timers and events. Meant to be "
         "started "
         "by systemd (Type=notify): readiness is told once the manifest is checked and every resident task is ready. "
         "SIGHUP reloads the manifest, SIGTERM ends everything within 10 seconds.",
     .run = cli_daemon},
    {.name = "check",
     .words = "",
     .complete = "",
     .summary = "check the manifest and the plugins it names, offline",
     .description =
         "Reports every error at once as FILE:LINE:COLUMN: TEXT and exits with 78, or says that all is well and exits "
         "with 0. Nothing is asked over the network and nothing is changed.",
     .run = cli_check},
    {.name = "init",
     .words = "[DEPLOY_DIR]",
     .complete = "d",
     .max_words = 1,
     .summary = "look at a host and write a commented manifest for it",
     .description =
         "Recognises a deploy directory of the Gonka network by its compose files, config.env, .inference, .dapi and "
         ".tmkms; without DEPLOY_DIR the usual places and the current folder are looked at. What is missing on this "
         "host "
         "is written as a comment, and so are plugins that are not installed. The manifest goes to the standard "
         "output, "
         "or with -o to a file, which is written in one step.\n\nOnly looks: runs nothing, starts nothing, and writes "
         "the one file that it was told to.",
     .run = cli_init,
     .options = {{"output", 'o', "FILE", NULL, "write the manifest to FILE, which must not exist"},
                 {"force", 0, NULL, NULL, "replace FILE when it exists"}}},
    {.name = "plan",
     .words = "[PLUGIN [TASK]]",
     .complete = "pt",
     .max_words = 2,
     .summary = "dry run: the acts that would be made, with diffs",
     .description =
         "Runs every task as a dry run and prints the acts that it would make. Resident tasks have no end and are left "
         "out, tasks that only run by hand are left out unless they are named.\n\nBy the daemon when it answers and "
         "has this very manifest in force; else here, and it is said why. The exit code is the worst of all tasks.",
     .run = cli_plan,
     .options = {{"local", 0, NULL, NULL, "do not ask the daemon, look here"}}},
    {.name = "run",
     .words = "PLUGIN TASK [KEY=VALUE ...]",
     .complete = "ptk",
     .min_words = 2,
     .max_words = -1,
     .summary = "run one task now",
     .description =
         "Through the daemon when it answers, else in a runner of this command's own. KEY=VALUE are arguments of the "
         "task; values are written as in the manifest; a text may come from a file, KEY=@FILE (KEY=@@TEXT begins with "
         "an "
         "@). Log lines go to the standard error, the acts and the task's "
         "report to the standard output.\n\nWith --dry-run nothing is changed: the acts that would be made are shown.",
     .run = cli_run,
     .options = {{"dry-run", 'n', NULL, NULL, "change nothing, show the acts that would be made"},
                 {"local", 0, NULL, NULL, "do not ask the daemon, run it here"}}},
    {.name = "status",
     .words = "[PLUGIN]",
     .complete = "p",
     .max_words = 1,
     .summary = "what the daemon is doing: tasks, last outcomes, next runs",
     .description =
         "Asks the daemon. Exits with 4 when it cannot be asked. The sandbox in force, counters and the metrics "
         "of the plugins are shown with --verbose and in the JSON.",
     .run = cli_status,
     .options = {{"verbose", 'v', NULL, NULL, "also sandbox, metrics and counters"}}},
    {.name = "events",
     .words = "[PATTERN ...]",
     .complete = "",
     .max_words = -1,
     .summary = "events: those in the journal, or with --follow as they come",
     .description =
         "PATTERN selects topics: words parted by dots, * stands for one word, a final > for one or more words.",
     .run = cli_events,
     .options = {{"follow", 'f', NULL, NULL, "stay and print events of the daemon as they come"},
                 {"since", 0, "TIME", NULL, "from the journal: only newer ones; as for journal"}}},
    {.name = "journal",
     .words = "",
     .complete = "",
     .summary = "the record of runs, acts and events",
     .description = "Reads the files of the journal, whether the daemon runs or not. TIME is a duration back from now "
                    "(30m, 2d) or "
                    "a UTC time: 2026-11-23, 2026-11-23T12:00, 2026-11-23T12:00:00Z.",
     .run = cli_journal,
     .options = {{"since", 0, "TIME", NULL, "only records from then on"},
                 {"plugin", 0, "PLUGIN", NULL, "only records of this plugin"},
                 {"outcome", 0, "OUTCOME", OUTCOMES, "only ends of runs with this outcome"},
                 {"acts", 0, NULL, NULL, "only acts and their results"},
                 {"run", 0, "ID", NULL, "only records of this run"},
                 {"follow", 'f', NULL, NULL, "stay and print new records as they are written"}}},
    {.name = "pause",
     .words = "PLUGIN [DURATION]",
     .complete = "p",
     .min_words = 1,
     .max_words = 2,
     .summary = "start no more runs of a plugin, for ever or for a while",
     .description = "A run that is under way goes on, but its acts are refused. Ends with `resume`, after DURATION "
                    "(30m, 2h, 1d), or with the daemon.",
     .run = cli_pause},
    {.name = "resume",
     .words = "PLUGIN",
     .complete = "p",
     .min_words = 1,
     .max_words = 1,
     .summary = "end a pause",
     .description = "Triggers that came during the pause are remembered once.",
     .run = cli_resume},
    {.name = "reload",
     .words = "",
     .complete = "",
     .summary = "make the daemon read its manifest again",
     .description =
         "All or nothing: on any error the old manifest stays in force, the errors are printed, and the exit "
         "code is 78.",
     .run = cli_reload},
    {.name = "plugins",
     .words = "[NAME]",
     .complete = "p",
     .max_words = 1,
     .summary = "installed plugins; a plugin's options, tasks and topics",
     .description = "With NAME: the plugin's reference, and the rules of its sandbox when the manifest configures it.",
     .run = cli_plugins,
     .options = {{"man", 0, NULL, NULL, "print the plugin's man page"},
                 {"markdown", 0, NULL, NULL, "print the plugin's reference as Markdown"}}},
    {.name = "help",
     .words = "[COMMAND]",
     .complete = "c",
     .max_words = 2,
     .summary = "this help, or that of one command",
     .description = "--man prints gonka-agent(1) as roff, --completion a script for bash.",
     .run = cli_help,
     .options = {{"man", 0, NULL, NULL, "print the man page"},
                 {"completion", 0, NULL, NULL, "print the completion for bash"},
                 {"words", 0, "KIND", "plugins tasks arguments",
                  "print words for the completion: plugins, tasks of a plugin, arguments of its task"}}},
    {.name = NULL},
};

const struct command *
command_find(const char *name)
{
    for (const struct command *c = commands; c->name; c++) {
        if (strcmp(c->name, name) == 0) {
            return c;
        }
    }
    return NULL;
}

static int
usage_error(const struct command *command, const char *what, const char *word)
{
    (void)fprintf(stderr, "gonka-agent %s: %s%s%s\nusage: gonka-agent %s%s%s; see gonka-agent help %s\n", command->name,
                  what, word ? " " : "", word ? word : "", command->name, command->words[0] ? " " : "", command->words,
                  command->name);
    return EXIT_USAGE;
}

/* Does `arg` name this option, as --name, --name=value or -l? *ret_value is what follows the equals sign, else NULL. */
static bool
option_matches(const struct command_option *option, const char *arg, const char **ret_value)
{
    size_t len = strlen(option->name);

    *ret_value = NULL;
    if (arg[1] != '-') {
        return option->letter && arg[1] == option->letter && arg[2] == '\0';
    }
    if (strncmp(arg + 2, option->name, len) != 0 || (arg[2 + len] != '\0' && arg[2 + len] != '=')) {
        return false;
    }
    if (arg[2 + len] == '=') {
        *ret_value = arg + 3 + len;
    }
    return true;
}

/* Takes the option at argv[*i], and its value. */
static int
parse_option(const struct command *command, int argc, char **argv, int *i, struct command_words *ret)
{
    const char *arg = argv[*i];

    for (size_t o = 0; command->options[o].name; o++) {
        const struct command_option *option = &command->options[o];
        const char                  *value;
        if (!option_matches(option, arg, &value)) {
            continue;
        }
        if (!option->value) {
            if (value) {
                return usage_error(command, "takes no value:", arg);
            }
            value = "";
        } else if (!value) {
            if (*i + 1 >= argc) {
                return usage_error(command, "needs a value:", arg);
            }
            value = argv[++*i];
        }
        ret->option[o] = value;
        return 0;
    }
    return usage_error(command, "unknown option", arg);
}

int
command_parse(const char *name, int argc, char **argv, struct command_words *ret)
{
    const struct command *command = command_find(name);
    bool                  options = true;

    *ret = (struct command_words){.word = argv};
    for (int i = 0; i < argc; i++) {
        if (options && strcmp(argv[i], "--") == 0) {
            options = false;
        } else if (options && argv[i][0] == '-' && argv[i][1] != '\0') {
            int r = parse_option(command, argc, argv, &i, ret);
            if (r != 0) {
                return r;
            }
        } else {
            argv[ret->n_words++] = argv[i];
        }
    }
    if (ret->n_words < command->min_words) {
        return usage_error(command, "something is missing", NULL);
    }
    if (command->max_words >= 0 && ret->n_words > command->max_words) {
        return usage_error(command, "too much:", argv[command->max_words]);
    }
    return 0;
}

const char *
command_option(const char *name, const struct command_words *words, const char *option)
{
    const struct command *command = command_find(name);

    for (size_t o = 0; command->options[o].name; o++) {
        if (strcmp(command->options[o].name, option) == 0) {
            return words->option[o];
        }
    }
    abort(); /* our own mistake: the table has no such option */
}
