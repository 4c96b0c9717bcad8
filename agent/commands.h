/*
 * commands.h: the one table of the command line. Usage, `help`, the man page gonka-agent(1) and the completion of the
 * shell are printed from it, and every command's own options are parsed by it.
 */
#ifndef AGENT_COMMANDS_H
#define AGENT_COMMANDS_H

#include <stdio.h>

#define COMMAND_OPTIONS_MAX 8 /* options of one command, the end mark included */

struct cli;

/* One option of a command. The table ends with a NULL name. */
struct command_option {
    const char *name;    /* without the dashes: "since" */
    char        letter;  /* short form, or 0 */
    const char *value;   /* name of its value: "TIME"; NULL for a switch */
    const char *choices; /* blank-separated words that the shell offers for the value, or NULL */
    const char *help;    /* one line */
};

struct command {
    const char *name;
    const char *words;    /* synopsis of what follows the name: "PLUGIN TASK [KEY=VALUE ...]" */
    const char *complete; /* what the shell offers, one letter a word: p plugin, t task, k key=, c command, d folder */
    const char *summary;  /* one line */
    const char *description; /* a paragraph or several, parted by an empty line; for `help` and the man page */
    int         min_words;
    int         max_words;       /* -1: no limit */
    int (*run)(struct cli *cli); /* returns the exit code */
    struct command_option options[COMMAND_OPTIONS_MAX];
};

/* Ends with a NULL name. */
extern const struct command commands[];

/* Options that every command takes; ends with a NULL name. */
extern const struct command_option command_common[];

/* The words of a command line, sorted by command_parse(). Borrowed from argv. */
struct command_words {
    const char *option[COMMAND_OPTIONS_MAX]; /* by place in the table: value, "" for a switch, NULL when not given */
    char      **word;                        /* what is no option */
    int         n_words;
};

/* NULL when there is none of that name. */
const struct command *command_find(const char *name);

/*
 * Sorts what follows the command's name: options first to last, words moved to the front of argv. "--" ends the
 * options. 0, or EXIT_USAGE (2) after saying on stderr what is wrong.
 */
int command_parse(const char *name, int argc, char **argv, struct command_words *ret);

/* The value of an option that was parsed, by name: NULL when not given. */
const char *command_option(const char *name, const struct command_words *words, const char *option);

/* Usage in a few lines, one per command. */
void commands_usage(FILE *out);

/* Help of one command. */
void command_help(const struct command *command, FILE *out);

/* gonka-agent(1) as roff. */
void commands_man(FILE *out, const char *version);

/* Completion for bash. */
void commands_completion(FILE *out);

/* The command `help`. */
int cli_help(struct cli *cli);

#endif
