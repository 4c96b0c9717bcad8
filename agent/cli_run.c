/* cli_run.c: `run` and `plan`. */
#include "agent/cli.h"
#include "agent/cli_carry.h"
#include "agent/commands.h"
#include "agent/compile.h"
#include "agent/print.h"
#include "kit/json.h"

#include <stdio.h>
#include <string.h>

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
print_text(const cJSON *end)
{
    const char *text = print_str(end, "text");

    if (!*text)
        return;
    print_safe(stdout, text, true);
    if (text[strlen(text) - 1] != '\n')
        (void)fputc('\n', stdout);
}

/* "nats-ttl enforce: changed: ..." */
static void
print_outcome(const cJSON *end, const char *remark)
{
    const char *outcome = print_str(end, "outcome");

    (void)printf("%s %s: %s", print_str(end, "plugin"), print_str(end, "task"), remark);
    print_colored(stdout, print_outcome_color(outcome), outcome);
    if (*print_str(end, "summary")) {
        (void)fputs(": ", stdout);
        print_safe(stdout, print_str(end, "summary"), false);
    }
    (void)fputc('\n', stdout);
}

/* --- run -----------------------------------------------------------------------------------------------------------
 */

/* Arguments of the command line, checked. 0 or an exit code. */
static int
take_args(struct carry *carry, struct carry_wish *wish, const struct command_words *words, cJSON **args, cJSON **rules)
{
    char error[512];
    int  r;

    if (words->n_words == 2)
        return 0;
    r = carry_compile(carry);
    if (r != 0)
        return r;
    if (carry_missing(ga_json_get(carry->compiled, "plugins"), carry->cli->manifest, wish->plugin, wish->task))
        return EXIT_USAGE;
    if (compile_args(carry->compiled, wish->plugin, wish->task, words->word + 2, words->n_words - 2, args, rules, error,
                     sizeof(error)) < 0) {
        (void)fprintf(stderr, "gonka-agent run: %s; see gonka-agent plugins %s\n", error, wish->plugin);
        return EXIT_USAGE;
    }
    wish->args = *args;
    wish->rules = *rules;
    return 0;
}

static int
print_run(const struct cli *cli, cJSON *end, bool dry_run)
{
    cJSON_DeleteItemFromObjectCaseSensitive(end, "t");
    if (cli->json) {
        (void)cJSON_AddBoolToObject(end, "dry_run", dry_run);
        print_json(stdout, end);
    } else {
        print_text(end);
        print_acts(end, dry_run);
        print_outcome(end, dry_run ? "dry run, " : "");
    }
    return cli_outcome_exit(print_str(end, "outcome"));
}

int
cli_run(struct cli *cli)
{
    struct command_words words;
    struct carry         carry = {.cli = cli};
    struct carry_wish    wish = {.plugin = NULL};
    cJSON               *args = NULL;
    cJSON               *rules = NULL;
    cJSON               *end = NULL;
    int                  r = command_parse("run", cli->argc, cli->argv, &words);

    if (r == 0)
        r = carry_init(&carry, cli);
    if (r == 0) {
        carry.local = command_option("run", &words, "local") != NULL;
        wish = (struct carry_wish){.plugin = words.word[0],
                                   .task = words.word[1],
                                   .dry_run = command_option("run", &words, "dry-run") != NULL};
        r = take_args(&carry, &wish, &words, &args, &rules);
    }
    if (r == 0)
        r = carry_out(&carry, &wish, &end);
    if (r == 0)
        r = print_run(cli, end, wish.dry_run);
    cJSON_Delete(end);
    cJSON_Delete(args);
    cJSON_Delete(rules);
    carry_done(&carry);
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
    return !ga_json_bool(task, "resident", 0) && !ga_json_bool(task, "by_hand", 0);
}

/* The worse of two exit codes: failed, then unknown, then refused. */
static int
worse(int a, int b)
{
    static const int order[] = {EXIT_MANIFEST, EXIT_USAGE, EXIT_FAILED, EXIT_UNKNOWN, EXIT_REFUSED};

    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        if (a == order[i] || b == order[i])
            return order[i];
    return 0;
}

static int
resident(const char *plugin, const char *task)
{
    (void)fprintf(stderr,
                  "gonka-agent plan: %s %s is resident, it runs all the time and comes to no end that could be shown\n",
                  plugin, task);
    return EXIT_USAGE;
}

static int
plan_task(struct carry *carry, const cJSON *plugin, const cJSON *task, bool whole, cJSON *plans)
{
    const struct carry_wish wish = {
        .plugin = print_str(plugin, "name"), .task = print_str(task, "name"), .dry_run = true};
    cJSON *end = NULL;
    int    r;

    if (ga_json_bool(task, "resident", 0))
        return resident(wish.plugin, wish.task);
    r = carry_out(carry, &wish, &end);
    if (r != 0)
        return r;
    r = cli_outcome_exit(print_str(end, "outcome"));
    cJSON_DeleteItemFromObjectCaseSensitive(end, "t");
    (void)cJSON_AddBoolToObject(end, "dry_run", 1);
    (void)cJSON_AddItemToArray(plans, end);
    if (!carry->cli->json) {
        if (whole)
            print_text(end);
        print_outcome(end, ga_json_bool(task, "read_only", 0) ? "looked, " : "");
        print_acts(end, true);
    }
    return r;
}

static void
print_plan(const struct carry *carry, const cJSON *plans)
{
    const cJSON *plan;
    int          acts = 0;
    int          tasks = cJSON_GetArraySize(plans);

    cJSON_ArrayForEach(plan, plans) acts += cJSON_GetArraySize(ga_json_get(plan, "acts"));
    if (carry->cli->json) {
        cJSON *whole = cJSON_CreateObject();

        (void)cJSON_AddItemToObject(whole, "plan", cJSON_Duplicate(plans, 1));
        (void)cJSON_AddNumberToObject(whole, "acts", acts);
        print_json(stdout, whole);
        cJSON_Delete(whole);
    } else {
        (void)printf("%d task%s looked at, %d act%s would be made; nothing was changed\n", tasks, tasks == 1 ? "" : "s",
                     acts, acts == 1 ? "" : "s");
    }
}

static int
plan_all(struct carry *carry, const struct command_words *words)
{
    const cJSON *plugins = ga_json_get(carry->compiled, "plugins");
    cJSON       *plans;
    const cJSON *plugin;
    const cJSON *task;
    int          r = 0;

    if (words->n_words > 0 &&
        carry_missing(plugins, carry->cli->manifest, words->word[0], words->n_words > 1 ? words->word[1] : NULL))
        return EXIT_USAGE;
    plans = cJSON_CreateArray();
    cJSON_ArrayForEach(plugin, plugins)
    {
        cJSON_ArrayForEach(task, ga_json_get(plugin, "tasks"))
        {
            if (is_planned(plugin, task, words))
                r = worse(r, plan_task(carry, plugin, task, words->n_words > 1, plans));
        }
    }
    if (r != EXIT_USAGE)
        print_plan(carry, plans);
    cJSON_Delete(plans);
    return r;
}

int
cli_plan(struct cli *cli)
{
    struct command_words words;
    struct carry         carry = {.cli = cli};
    int                  r = command_parse("plan", cli->argc, cli->argv, &words);

    if (r == 0)
        r = carry_compile(&carry);
    if (r == 0)
        r = cli_places(cli, &carry.places);
    if (r == 0) {
        carry.local = command_option("plan", &words, "local") != NULL;
        r = carry.local ? 0 : carry_prefer_daemon(&carry);
    }
    if (r == 0)
        r = plan_all(&carry, &words);
    carry_done(&carry);
    return r;
}
