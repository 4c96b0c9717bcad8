/* cli_run.c: `run` and `plan`: through the daemon when it answers, else here. */
#include "agent/cli.h"
#include "agent/cli_common.h"
#include "agent/commands.h"
#include "agent/compile.h"
#include "agent/control_client.h"
#include "agent/local.h"
#include "agent/print.h"
#include "kit/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How tasks are run in this call of the program. */
struct way {
    const struct cli *cli;
    struct cli_places places;
    const cJSON      *compiled; /* NULL: not needed so far */
    bool              local;
};

struct wish {
    const char  *plugin;
    const char  *task;
    const cJSON *args;  /* NULL: the manifest's */
    const cJSON *rules; /* likewise */
    bool         dry_run;
};

/* --- what comes while it runs --------------------------------------------------------------------------------------
 */

static void
show_line(const cJSON *line, void *userdata)
{
    static const char *const levels[] = {"error", "warning", "notice", "info", "debug"};
    const cJSON             *level = ga_json_get(line, "level");
    int                      number = cJSON_IsNumber(level) ? level->valueint : 6;

    (void)userdata;
    if (strcmp(print_str(line, "t"), "event") == 0) {
        (void)fprintf(stderr, "event %s\n", print_str(line, "topic"));
        return;
    }
    if (strcmp(print_str(line, "t"), "log") != 0 || number > 6 || number < 3)
        return;
    (void)fprintf(stderr, "%s: ", levels[number - 3]);
    print_safe(stderr, print_str(line, "text"), false);
    (void)fputc('\n', stderr);
}

/* --- here or there -------------------------------------------------------------------------------------------------
 */

/* Reads what the daemon says about the run to its end. 0 and *ret_end, or an exit code. */
static int
follow(struct client *client, const char *socket, cJSON **ret_end)
{
    int r;

    for (;;) {
        cJSON *line = NULL;

        r = client_next(client, -1, &line);
        if (r < 0)
            break;
        if (strcmp(print_str(line, "t"), "end") == 0) {
            *ret_end = line;
            return 0;
        }
        if (*print_str(line, "error")) {
            (void)fprintf(stderr, "gonka-agent: the daemon refused: %s\n", print_str(line, "error"));
            cJSON_Delete(line);
            return EXIT_FAILED;
        }
        show_line(line, NULL);
        cJSON_Delete(line);
    }
    (void)fprintf(
        stderr,
        "gonka-agent: the daemon at %s was lost during the run (%s): see gonka-agent journal for how it ended\n",
        socket, r == -ENODATA ? "it closed the connection" : strerrordesc_np(-r));
    return EXIT_UNKNOWN;
}

static int
by_daemon(struct client *client, const char *socket, const struct wish *wish, cJSON **ret_end)
{
    cJSON *request = cJSON_CreateObject();
    int    r;

    (void)cJSON_AddStringToObject(request, "cmd", "run");
    (void)cJSON_AddStringToObject(request, "plugin", wish->plugin);
    (void)cJSON_AddStringToObject(request, "task", wish->task);
    (void)cJSON_AddBoolToObject(request, "dry_run", wish->dry_run);
    if (wish->args)
        (void)cJSON_AddItemToObject(request, "args", cJSON_Duplicate(wish->args, 1));
    if (wish->rules)
        (void)cJSON_AddItemToObject(request, "rules", cJSON_Duplicate(wish->rules, 1));
    r = client_send(client, request);
    cJSON_Delete(request);
    if (r < 0) {
        (void)fprintf(stderr, "gonka-agent: cannot ask the daemon at %s: %s\n", socket, strerrordesc_np(-r));
        return EXIT_UNKNOWN;
    }
    return follow(client, socket, ret_end);
}

static int
load_compiled(const struct cli *cli, cJSON **ret)
{
    struct diagnostics diagnostics;
    int                r;

    diagnostics_init(&diagnostics, cli->manifest);
    r = compile_manifest(cli->manifest, cli->plugin_dir, ret, &diagnostics);
    diagnostics_print(&diagnostics, stderr);
    diagnostics_done(&diagnostics);
    return r < 0 ? EXIT_MANIFEST : 0;
}

static int
here(struct way *way, const struct wish *wish, cJSON **ret_end)
{
    cJSON *own = NULL;
    int    r = way->compiled ? 0 : load_compiled(way->cli, &own);

    if (r != 0)
        return r;
    local_run(&(struct local_request){.compiled = way->compiled ? way->compiled : own,
                                      .plugin = wish->plugin,
                                      .task = wish->task,
                                      .args = wish->args,
                                      .rules = wish->rules,
                                      .dry_run = wish->dry_run},
              show_line, NULL, ret_end);
    cJSON_Delete(own);
    return *ret_end ? 0 : EXIT_FAILED;
}

/* 0 and *ret_end, or an exit code after saying why. */
static int
carry_out(struct way *way, const struct wish *wish, cJSON **ret_end)
{
    struct client *client = NULL;
    char           error[512];
    int            r = way->local ? -ENOENT : client_connect(way->places.socket, &client, error, sizeof(error));

    if (r < 0 && (way->local || client_absent(r)))
        return here(way, wish, ret_end);
    if (r < 0) {
        (void)fprintf(stderr, "gonka-agent: %s\n", error);
        return EXIT_UNKNOWN;
    }
    r = by_daemon(client, way->places.socket, wish, ret_end);
    client_close(client);
    return r;
}

/* --- what is printed at the end ------------------------------------------------------------------------------------
 */

static void
print_acts(const cJSON *end, bool dry_run)
{
    const cJSON *act;

    cJSON_ArrayForEach(act, ga_json_get(end, "acts"))
    {
        const char *refused = print_str(act, "refused");
        bool        done = ga_json_bool(act, "done", 0);

        (void)fputs(dry_run                      ? "would"
                    : *refused                   ? "refused"
                    : !done                      ? "begun, not confirmed"
                    : ga_json_bool(act, "ok", 0) ? "done"
                                                 : "without effect",
                    stdout);
        print_act(stdout, act);
        if (*refused) {
            (void)fputs("    ", stdout);
            print_safe(stdout, refused, false);
            (void)fputc('\n', stdout);
        }
    }
}

static void
print_end(const cJSON *end, bool dry_run)
{
    const char *outcome = print_str(end, "outcome");
    const char *text = print_str(end, "text");

    if (*text) {
        print_safe(stdout, text, true);
        if (text[strlen(text) - 1] != '\n')
            (void)fputc('\n', stdout);
    }
    print_acts(end, dry_run);
    (void)printf("%s %s: ", print_str(end, "plugin"), print_str(end, "task"));
    print_colored(stdout, print_outcome_color(outcome), outcome);
    if (*print_str(end, "summary")) {
        (void)fputs(": ", stdout);
        print_safe(stdout, print_str(end, "summary"), false);
    }
    (void)fputs(dry_run ? " (dry run)\n" : "\n", stdout);
}

/* --- run -----------------------------------------------------------------------------------------------------------
 */

/* Arguments of the command line, checked. 0 or an exit code. */
static int
take_args(struct way *way, struct wish *wish, const struct command_words *words, cJSON **compiled, cJSON **args,
          cJSON **rules)
{
    char error[512];
    int  r;

    if (words->n_words == 2)
        return 0;
    r = load_compiled(way->cli, compiled);
    if (r != 0)
        return r;
    way->compiled = *compiled;
    if (compile_args(*compiled, wish->plugin, wish->task, words->word + 2, words->n_words - 2, args, rules, error,
                     sizeof(error)) < 0) {
        (void)fprintf(stderr, "gonka-agent run: %s; see gonka-agent plugins %s\n", error, wish->plugin);
        return EXIT_USAGE;
    }
    wish->args = *args;
    wish->rules = *rules;
    return 0;
}

int
cli_run(struct cli *cli)
{
    struct command_words words;
    struct way           way = {.cli = cli};
    struct wish          wish = {NULL};
    cJSON               *compiled = NULL;
    cJSON               *args = NULL;
    cJSON               *rules = NULL;
    cJSON               *end = NULL;
    int                  r = command_parse("run", cli->argc, cli->argv, &words);

    if (r == 0)
        r = cli_places(cli, &way.places);
    if (r == 0) {
        way.local = command_option("run", &words, "local") != NULL;
        wish = (struct wish){.plugin = words.word[0],
                             .task = words.word[1],
                             .dry_run = command_option("run", &words, "dry-run") != NULL};
        r = take_args(&way, &wish, &words, &compiled, &args, &rules);
    }
    if (r == 0)
        r = carry_out(&way, &wish, &end);
    if (r == 0) {
        cJSON_DeleteItemFromObjectCaseSensitive(end, "t");
        if (cli->json)
            print_json(stdout, end);
        else
            print_end(end, wish.dry_run);
        r = cli_outcome_exit(print_str(end, "outcome"));
    }
    cJSON_Delete(end);
    cJSON_Delete(args);
    cJSON_Delete(rules);
    cJSON_Delete(compiled);
    cli_places_done(&way.places);
    return r;
}

/* --- plan ----------------------------------------------------------------------------------------------------------
 */

static bool
is_planned(const cJSON *plugin, const cJSON *task, const struct command_words *words)
{
    if (words->n_words > 0 && strcmp(words->word[0], print_str(plugin, "name")) != 0)
        return false;
    if (words->n_words > 1)
        return strcmp(words->word[1], print_str(task, "name")) == 0;
    return !ga_json_bool(task, "resident", 0) && !ga_json_bool(task, "by_hand", 0) &&
           !ga_json_bool(task, "read_only", 0);
}

/* The worse of two exit codes: failed, then unknown, then refused. */
static int
worse(int a, int b)
{
    static const int order[] = {EXIT_MANIFEST, EXIT_FAILED, EXIT_UNKNOWN, EXIT_REFUSED};

    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        if (a == order[i] || b == order[i])
            return order[i];
    return 0;
}

static int
plan_task(struct way *way, const cJSON *plugin, const cJSON *task, cJSON *plans)
{
    const struct wish wish = {.plugin = print_str(plugin, "name"), .task = print_str(task, "name"), .dry_run = true};
    cJSON            *end = NULL;
    int               r = carry_out(way, &wish, &end);

    if (r != 0)
        return r;
    r = cli_outcome_exit(print_str(end, "outcome"));
    cJSON_DeleteItemFromObjectCaseSensitive(end, "t");
    if (!way->cli->json)
        print_end(end, true);
    (void)cJSON_AddItemToArray(plans, end);
    return r;
}

static int
plan_all(struct way *way, const struct command_words *words)
{
    cJSON       *plans = cJSON_CreateArray();
    const cJSON *plugin;
    const cJSON *task;
    int          r = 0;
    int          n = 0;
    int          acts = 0;

    cJSON_ArrayForEach(plugin, ga_json_get(way->compiled, "plugins"))
        cJSON_ArrayForEach(task, ga_json_get(plugin, "tasks"))
    {
        if (!is_planned(plugin, task, words))
            continue;
        r = worse(r, plan_task(way, plugin, task, plans));
        n++;
    }
    cJSON_ArrayForEach(task, plans) acts += cJSON_GetArraySize(ga_json_get(task, "acts"));
    if (n == 0 && words->n_words > 0) {
        (void)fprintf(stderr, "gonka-agent plan: %s has no such plugin or task, or none that plans anything\n",
                      way->cli->manifest);
        r = EXIT_USAGE;
    } else if (way->cli->json) {
        cJSON *whole = cJSON_CreateObject();

        (void)cJSON_AddItemToObject(whole, "plan", plans);
        print_json(stdout, whole);
        cJSON_Delete(whole);
        return r;
    } else {
        (void)printf("%d tasks looked at, %d acts would be made; nothing was changed\n", n, acts);
    }
    cJSON_Delete(plans);
    return r;
}

int
cli_plan(struct cli *cli)
{
    struct command_words words;
    struct way           way = {.cli = cli};
    cJSON               *compiled = NULL;
    int                  r = command_parse("plan", cli->argc, cli->argv, &words);

    if (r == 0)
        r = load_compiled(cli, &compiled);
    if (r != 0)
        return r;
    way.compiled = compiled;
    way.local = true; /* what this manifest would do, be it in force or not */
    r = plan_all(&way, &words);
    cJSON_Delete(compiled);
    return r;
}
