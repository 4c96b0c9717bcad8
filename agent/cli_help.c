/* cli_help.c: usage, help, the man page gonka-agent(1) and the completion for bash, all from the table of commands. */
#include <stdbool.h>
#include <string.h>

#include "agent/cli.h"
#include "agent/cli_common.h"
#include "agent/commands.h"
#include "agent/print.h"

#define HELP_WIDTH 78

/* Prints text broken into lines of at most HELP_WIDTH columns, each after `indent` blanks. */
static void
put_paragraphs(FILE *out, const char *text, int indent)
{
    int column = 0;

    while (*text) {
        size_t len = strcspn(text, " \n");
        if (column > 0 && column + 1 + (int)len > HELP_WIDTH) {
            (void)fputc('\n', out);
            column = 0;
        }
        column += fprintf(out, "%*s%.*s", column == 0 ? indent : 1, "", (int)len, text);
        text += len;
        while (*text == ' ') {
            text++;
        }
        if (*text == '\n') {
            (void)fputc('\n', out);
            column = 0;
            for (text++; *text == '\n'; text++) {
                (void)fputc('\n', out);
            }
        }
    }
    (void)fputc('\n', out);
}

static void
put_option(FILE *out, const struct command_option *option)
{
    char left[48];

    (void)snprintf(left, sizeof(left), "%c%c%s --%s%s%s", option->letter ? '-' : ' ',
                   option->letter ? option->letter : ' ', option->letter ? "," : " ", option->name,
                   option->value ? " " : "", option->value ? option->value : "");
    (void)fprintf(out, "  %-24s %s\n", left, option->help);
}

void
commands_usage(FILE *out)
{
    (void)fputs("usage: gonka-agent COMMAND [OPTION ...] [WORD ...]\n\ncommands:\n", out);
    for (const struct command *c = commands; c->name; c++) {
        char left[64];
        (void)snprintf(left, sizeof(left), "%s %s", c->name, c->words);
        if (strlen(left) > 24) {
            (void)fprintf(out, "  %s\n  %-24s %s\n", left, "", c->summary);
        } else {
            (void)fprintf(out, "  %-24s %s\n", left, c->summary);
        }
    }
    (void)fputs("\noptions of every command:\n", out);
    for (const struct command_option *o = command_common; o->name; o++) {
        put_option(out, o);
    }
    (void)fputs("      --version            print the version\n\n"
                "exit codes: 0 ok or changed, 1 failed, 2 usage, 3 refused, 4 unknown, 78 bad manifest\n"
                "gonka-agent help COMMAND tells more about one.\n",
                out);
}

void
command_help(const struct command *command, FILE *out)
{
    (void)fprintf(out, "gonka-agent %s%s%s: %s\n\n", command->name, command->words[0] ? " " : "", command->words,
                  command->summary);
    put_paragraphs(out, command->description, 0);
    (void)fputs("\noptions:\n", out);
    for (const struct command_option *o = command->options; o->name; o++) {
        put_option(out, o);
    }
    for (const struct command_option *o = command_common; o->name; o++) {
        put_option(out, o);
    }
}

/* Text as roff: hyphens and backslashes escaped, no line starts with a control character. */
static void
put_roff(FILE *out, const char *text)
{
    bool line_start = true;

    for (; *text; text++) {
        if (text[0] == '\n' && text[1] == '\n') {
            (void)fputs("\n.PP\n", out);
            text++;
            line_start = true;
            continue;
        }
        if (line_start && (*text == '.' || *text == '\'')) {
            (void)fputs("\\&", out);
        }
        if (*text == '-') {
            (void)fputs("\\-", out);
        } else if (*text == '\\') {
            (void)fputs("\\e", out);
        } else {
            (void)fputc(*text, out);
        }
        line_start = *text == '\n';
    }
}

static void
put_roff_options(FILE *out, const struct command_option *options)
{
    for (const struct command_option *o = options; o->name; o++) {
        (void)fputs(".TP\n\\fB", out);
        if (o->letter) {
            (void)fprintf(out, "\\-%c\\fR, \\fB", o->letter);
        }
        (void)fputs("\\-\\-", out);
        put_roff(out, o->name);
        (void)fputs("\\fR", out);
        if (o->value) {
            (void)fprintf(out, " \\fI%s\\fR", o->value);
        }
        (void)fputc('\n', out);
        put_roff(out, o->help);
        (void)fputc('\n', out);
    }
}

static const char man_manifest[] =
    ".SH MANIFEST\n"
    "One YAML document, at most 1 MiB, without anchors, tags and keys given twice. Every error is reported at once, "
    "with "
    "its place.\n"
    ".PP\n.nf\n"
    "agent:                      # all optional\n"
    "  state_dir: /var/lib/gonka\\-agent\n"
    "  socket: /run/gonka\\-agent/control.sock\n"
    "  plugin_dir: " PLUGIN_DIR "\n"
    "  sandbox: best\\-effort     # or required, off\n"
    "  log_level: info           # err, warning, notice, info, debug\n"
    "  journal: {max_size: 64MiB, files: 8}\n"
    "  max_runs: 16              # at once, resident tasks aside\n"
    "node:                       # facts about this host\n"
    "  deploy_dir: /opt/gonka/deploy/join\n"
    "plugins:                    # those named here are used\n"
    "  NAME:\n"
    "    enabled: true           # false keeps its settings\n"
    "    options: {KEY: VALUE}   # as gonka\\-agent plugins NAME lists them\n"
    "    allow: [gpu]            # gpu, network: what the sandbox grants beyond the options\n"
    "    limits: {memory: 1GiB, open_files: 256, acts: 100}\n"
    "    tasks:                  # only what differs from the plugin's own defaults\n"
    "      TASK: {every: 5m, on: [TOPIC], always: true, timeout: 2m, delay: 30s, args: {KEY: VALUE}, enabled: true}\n"
    ".fi\n.PP\n"
    "Durations: 250ms, 30s, 5m, 24h, 7d, 1h30m; \\fBevery: never\\fR takes a timer away. Sizes: 512, 64MiB, 250GB. In "
    "strings of options ${node.KEY} stands for a fact of \\fBnode\\fR, $$ for a dollar sign. A secret is never written "
    "here but named: {file: PATH}, {credential: NAME} of systemd, or {env: NAME}. In topic patterns * stands for one "
    "word, a final > for one or more.\n";

static const char man_tail[] =
    ".SH EXIT STATUS\n"
    ".TP\n\\fB0\\fR\nok or changed\n.TP\n\\fB1\\fR\nfailed\n.TP\n\\fB2\\fR\nwrong usage\n.TP\n\\fB3\\fR\nrefused: a "
    "guard said "
    "no\n.TP\n\\fB4\\fR\nunknown: it could not be observed, or the daemon could not be asked\n.TP\n\\fB78\\fR\nthe "
    "manifest "
    "is wrong; every error is printed with its place\n"
    ".SH ENVIRONMENT\n"
    ".TP\n\\fBNO_COLOR\\fR\nnever print colour. Without it colour is used on a terminal only.\n"
    ".TP\n\\fBNOTIFY_SOCKET\\fR, \\fBWATCHDOG_USEC\\fR, \\fBCREDENTIALS_DIRECTORY\\fR\nset by systemd for the daemon.\n"
    ".SH FILES\n"
    ".TP\n\\fI" DEFAULT_MANIFEST "\\fR\nthe manifest, when no other is named\n"
    ".TP\n\\fI/var/lib/gonka\\-agent\\fR\nstate of the plugins, and the journal\n"
    ".TP\n\\fI/run/gonka\\-agent/control.sock\\fR\nthe daemon's control socket\n"
    ".SH SEE ALSO\n.BR systemd.service (5),\nand \\fBgonka\\-agent plugins\\fR "
    "\\fINAME\\fR "
    "for the reference of a plugin.\n";

void
commands_man(FILE *out, const char *version)
{
    (void)fprintf(out, ".TH GONKA\\-AGENT 1 \"\" \"gonka\\-agent %s\" \"User Commands\"\n", version);
    (void)fputs(".SH NAME\ngonka\\-agent \\- runs the chores of a Gonka network host\n.SH SYNOPSIS\n", out);
    (void)fputs("\\fBgonka\\-agent\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR ...] [\\fIWORD\\fR ...]\n.SH DESCRIPTION\n",
                out);
    put_roff(out,
             "A small supervisor that runs the tasks of plugins on timers and on events. Plugins, their options and "
             "their triggers are named in one manifest. Every run of a task is a process of its own in a sandbox "
             "that is derived from the plugin's options; every change a task makes is an act that is written to "
             "the journal before it is done.\n");
    (void)fputs(".SH OPTIONS\nEvery command takes these:\n", out);
    put_roff_options(out, command_common);
    (void)fputs(".TP\n\\fB\\-\\-version\\fR\nprint the version\n.SH COMMANDS\n", out);
    for (const struct command *c = commands; c->name; c++) {
        (void)fprintf(out, ".SS \"%s %s\"\n", c->name, c->words);
        put_roff(out, c->description);
        (void)fputc('\n', out);
        put_roff_options(out, c->options);
    }
    (void)fputs(man_manifest, out);
    (void)fputs(man_tail, out);
}

static const char completion_head[] =
    "# Completion of gonka-agent for bash. Generated by `gonka-agent help --completion` from the table of commands.\n"
    "_gonka_agent() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command='' kind='' word i\n"
    "    local -a words=() common=() ask=()\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        case $word in\n"
    "            -c|--config) common+=(-c \"${COMP_WORDS[i+1]}\"); ((i++)) ;;\n"
    "            --plugin-dir) common+=(--plugin-dir \"${COMP_WORDS[i+1]}\"); ((i++)) ;;\n";

static const char completion_words[] =
    "            -*) ;;\n"
    "            *) if [ -z \"$command\" ]; then command=$word; else words+=(\"$word\"); fi ;;\n"
    "        esac\n"
    "    done\n"
    "    COMPREPLY=()\n";

static const char completion_tail[] =
    "    word=\n"
    "    case $kind in *k) [ ${#words[@]} -ge ${#kind} ] && kind=${kind}$(printf 'k%.0s' \"${words[@]}\") ;; esac\n"
    "    case ${kind:${#words[@]}:1} in\n"
    "        p) ask=(plugins) ;;\n"
    "        t) ask=(tasks \"${words[0]}\") ;;\n"
    "        k) ask=(arguments \"${words[0]}\" \"${words[1]}\"); compopt -o nospace ;;\n"
    "        d) mapfile -t COMPREPLY < <(compgen -d -- \"$cur\"); return ;;\n"
    "        c) word=$all ;;\n"
    "    esac\n"
    "    [ ${#ask[@]} -gt 0 ] && word=$(\"${COMP_WORDS[0]}\" help \"${common[@]}\" --words \"${ask[@]}\" 2>/dev/null)\n"
    "    [ \"${cur:0:1}\" = - ] && word=$options\n"
    "    mapfile -t COMPREPLY < <(compgen -W \"$word\" -- \"$cur\")\n"
    "}\n"
    "complete -F _gonka_agent gonka-agent\n";

/* Options that take the next word, so that it is not taken for one of the command's own. */
static void
put_completion_skips(FILE *out)
{
    for (const struct command *c = commands; c->name; c++)
        for (const struct command_option *o = c->options; o->name; o++) {
            if (!o->value)
                continue;
            (void)fprintf(out, "            --%s", o->name);
            if (o->letter)
                (void)fprintf(out, "|-%c", o->letter);
            (void)fputs(") ((i++)) ;;\n", out);
        }
}

static void
put_completion_options(FILE *out, const struct command_option *options)
{
    for (const struct command_option *o = options; o->name; o++) {
        (void)fprintf(out, " --%s", o->name);
    }
}

void
commands_completion(FILE *out)
{
    (void)fputs(completion_head, out);
    put_completion_skips(out);
    (void)fputs(completion_words, out);
    (void)fputs("    local all=\"", out);
    for (const struct command *c = commands; c->name; c++) {
        (void)fprintf(out, "%s%s", c == commands ? "" : " ", c->name);
    }
    (void)fputs("\" options=\"--help --version", out);
    put_completion_options(out, command_common);
    (void)fputs("\"\n    case $prev in\n"
                "        -c|--config|-o|--output) mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return ;;\n"
                "        --plugin-dir) mapfile -t COMPREPLY < <(compgen -d -- \"$cur\"); return ;;\n",
                out);
    for (const struct command *c = commands; c->name; c++) {
        for (const struct command_option *o = c->options; o->name; o++) {
            if (o->choices) {
                (void)fprintf(out, "        --%s) mapfile -t COMPREPLY < <(compgen -W '%s' -- \"$cur\"); return ;;\n",
                              o->name, o->choices);
            }
        }
    }
    (void)fputs("    esac\n    case $command in\n        '') kind=c ;;\n", out);
    for (const struct command *c = commands; c->name; c++) {
        (void)fprintf(out, "        %s) kind=%s; options+=\"", c->name, c->complete[0] ? c->complete : "''");
        put_completion_options(out, c->options);
        (void)fputs("\" ;;\n", out);
    }
    (void)fputs("    esac\n", out);
    (void)fputs(completion_tail, out);
}

/* --- the command ---------------------------------------------------------------------------------------------------
 */

static cJSON *
options_json(const struct command_option *options)
{
    cJSON *list = cJSON_CreateArray();

    for (const struct command_option *o = options; o->name; o++) {
        cJSON *item = cJSON_CreateObject();
        char   letter[2] = {o->letter, '\0'};

        (void)cJSON_AddStringToObject(item, "name", o->name);
        if (o->letter)
            (void)cJSON_AddStringToObject(item, "letter", letter);
        if (o->value)
            (void)cJSON_AddStringToObject(item, "value", o->value);
        (void)cJSON_AddStringToObject(item, "help", o->help);
        (void)cJSON_AddItemToArray(list, item);
    }
    return list;
}

/* The table itself; `only` NULL: all of it. */
static void
print_table(const struct command *only)
{
    cJSON *whole = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(whole, "commands");

    for (const struct command *c = commands; c->name; c++) {
        cJSON *item;

        if (only && c != only)
            continue;
        item = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(item, "name", c->name);
        (void)cJSON_AddStringToObject(item, "words", c->words);
        (void)cJSON_AddStringToObject(item, "summary", c->summary);
        (void)cJSON_AddStringToObject(item, "description", c->description);
        (void)cJSON_AddItemToObject(item, "options", options_json(c->options));
        (void)cJSON_AddItemToArray(list, item);
    }
    (void)cJSON_AddItemToObject(whole, "common", options_json(command_common));
    print_json(stdout, whole);
    cJSON_Delete(whole);
}

int
cli_help(struct cli *cli)
{
    struct command_words  words;
    const struct command *command = NULL;
    int                   r = command_parse("help", cli->argc, cli->argv, &words);

    if (r != 0)
        return r;
    if (command_option("help", &words, "words"))
        return cli_words(cli, command_option("help", &words, "words"), words.word, words.n_words);
    if (words.n_words > 1) {
        (void)fprintf(stderr, "gonka-agent help: too much: %s\n", words.word[1]);
        return EXIT_USAGE;
    }
    if (words.n_words > 0 && !(command = command_find(words.word[0]))) {
        (void)fprintf(stderr, "gonka-agent help: there is no command '%s'\n", words.word[0]);
        commands_usage(stderr);
        return EXIT_USAGE;
    }
    if (command_option("help", &words, "man"))
        commands_man(stdout, PACKAGE_VERSION);
    else if (command_option("help", &words, "completion"))
        commands_completion(stdout);
    else if (cli->json)
        print_table(command);
    else if (command)
        command_help(command, stdout);
    else
        commands_usage(stdout);
    return 0;
}
