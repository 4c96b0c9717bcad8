/* cli_status.c: `status`, `pause`, `resume`, `reload`: questions and orders to the daemon. */
#include "agent/cli.h"
#include "agent/cli_carry.h"
#include "agent/cli_common.h"
#include "agent/clock.h"
#include "agent/commands.h"
#include "agent/control_client.h"
#include "agent/print.h"
#include "kit/json.h"
#include "kit/units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_TIMEOUT_MS 10000
#define RELOAD_TIMEOUT_MS 60000 /* every plugin is asked to describe itself */

/* Asks the daemon; the request is taken. 0 and *ret, or an exit code after saying why. */
static int
ask(const struct cli *cli, cJSON *request, int timeout_ms, cJSON **ret)
{
    struct cli_places places = {.socket = NULL};
    char              error[512];
    int               r = cli_places(cli, &places);

    if (r == 0 && client_ask(places.socket, request, timeout_ms, ret, error, sizeof(error)) < 0) {
        (void)fprintf(stderr, "gonka-agent: %s\n", error);
        r = EXIT_UNKNOWN;
    }
    cli_places_done(&places);
    cJSON_Delete(request);
    return r;
}

static cJSON *
request_new(const char *command, const char *plugin)
{
    cJSON *request = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(request, "cmd", command);
    if (plugin)
        (void)cJSON_AddStringToObject(request, "plugin", plugin);
    return request;
}

/* Prints what the daemon said to an order. */
static int
report(const struct cli *cli, const cJSON *answer, int refused, const char *done)
{
    const cJSON *line;

    if (cli->json) {
        print_json(stdout, answer);
        return ga_json_bool(answer, "ok", 0) ? 0 : refused;
    }
    if (ga_json_bool(answer, "ok", 0)) {
        (void)puts(done);
        return 0;
    }
    (void)fputs("gonka-agent: ", stderr);
    print_safe(stderr, print_str(answer, "error"), true);
    (void)fputc('\n', stderr);
    cJSON_ArrayForEach(line, ga_json_get(answer, "diagnostics"))
    {
        print_safe(stderr, cJSON_IsString(line) ? line->valuestring : "?", false);
        (void)fputc('\n', stderr);
    }
    return refused;
}

/* --- status --------------------------------------------------------------------------------------------------------
 */

/* How far a run is, else what the last one said. */
static void
summary_of(const cJSON *task, char *buf, size_t len)
{
    const cJSON *progress = ga_json_get(task, "progress");
    uint64_t     done = 0;
    uint64_t     total = 0;

    if (strcmp(print_str(task, "state"), "running") == 0 && ga_json_u64(progress, "done", &done) == 0 &&
        ga_json_u64(progress, "total", &total) == 0)
        (void)snprintf(buf, len, "%s %" PRIu64 "/%" PRIu64, print_str(progress, "what"), done, total);
    else
        (void)snprintf(buf, len, "%s", print_str(ga_json_get(task, "last"), "summary"));
}

static void
task_row(struct table *table, const char *plugin, const cJSON *task, int64_t now)
{
    const cJSON *last = ga_json_get(task, "last");
    const char  *outcome = print_str(last, "outcome");
    char         name[160];
    char         ago[32];
    char         next[32];
    char         summary[512];

    (void)snprintf(name, sizeof(name), "%s %s", plugin, print_str(task, "name"));
    summary_of(task, summary, sizeof(summary));
    table_row(table, print_outcome_color(outcome), 3,
              (const char *[]){name, print_str(task, "trigger"), print_str(task, "state"), *outcome ? outcome : "-",
                               print_ago(print_str(last, "at"), now, ago, sizeof(ago)),
                               print_ago(print_str(task, "next"), now, next, sizeof(next)), summary});
}

static void
print_tasks(const cJSON *status, const char *only)
{
    static const char *const titles[] = {"TASK", "TRIGGER", "STATE", "LAST", "WHEN", "NEXT", "SUMMARY", NULL};
    struct table            *table = table_new(titles);
    int64_t                  now = clock_real_ns();
    const cJSON             *plugin;
    const cJSON             *task;

    if (!table)
        return;
    cJSON_ArrayForEach(plugin, ga_json_get(status, "plugins"))
    {
        if (only && strcmp(only, print_str(plugin, "name")) != 0)
            continue;
        cJSON_ArrayForEach(task, ga_json_get(plugin, "tasks")) task_row(table, print_str(plugin, "name"), task, now);
    }
    table_print(table, stdout);
    table_free(table);
}

static void
print_members(const char *head, const cJSON *object)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, object) if (cJSON_IsNumber(item))(void)
        printf("%s%s: %.15g\n", head, item->string, item->valuedouble);
}

static void
print_verbose(const cJSON *status, const char *only)
{
    const cJSON *plugin;

    cJSON_ArrayForEach(plugin, ga_json_get(status, "plugins"))
    {
        const char *sandbox = print_str(plugin, "sandbox");

        if (only && strcmp(only, print_str(plugin, "name")) != 0)
            continue;
        (void)printf("\n%s %s\n  sandbox: ", print_str(plugin, "name"), print_str(plugin, "version"));
        print_safe(stdout, *sandbox ? sandbox : "not known before its first run", false);
        (void)fputc('\n', stdout);
        print_members("  ", ga_json_get(plugin, "metrics"));
    }
    (void)puts("\nthe agent");
    print_members("  ", ga_json_get(status, "counters"));
}

/* What an operator would not expect: plugins that are paused, and such as nothing confines though it was asked for. */
static void
print_surprises(const cJSON *status)
{
    static const char none[] = "none: ";
    const cJSON      *plugin;

    cJSON_ArrayForEach(plugin, ga_json_get(status, "plugins"))
    {
        const char *name = print_str(plugin, "name");
        const char *sandbox = print_str(plugin, "sandbox");
        const char *until = print_str(plugin, "paused_until");

        if (ga_json_bool(plugin, "paused", 0))
            (void)printf("%s is paused%s%s\n", name, *until ? " until " : "", until);
        if (strncmp(sandbox, none, strlen(none)) != 0)
            continue;
        (void)printf("%s runs without a sandbox: ", name);
        print_safe(stdout, sandbox + strlen(none), false);
        (void)fputc('\n', stdout);
    }
}

static void
print_status(const cJSON *status, const char *only, bool verbose)
{
    char   since[32];
    double pid = 0;

    (void)ga_json_double(status, "pid", &pid);
    (void)printf("gonka-agent %s, pid %.0f, started %s, %s, manifest %s\n", print_str(status, "version"), pid,
                 print_ago(print_str(status, "since"), clock_real_ns(), since, sizeof(since)),
                 ga_json_bool(status, "ending", 0)  ? "ending"
                 : ga_json_bool(status, "ready", 0) ? "ready"
                                                    : "not ready yet",
                 print_str(status, "manifest"));
    if (!ga_json_bool(ga_json_get(status, "reload"), "ok", 1)) {
        (void)fputs("the last reload failed, an older manifest is in force:\n", stdout);
        print_safe(stdout, print_str(ga_json_get(status, "reload"), "error"), true);
        (void)fputc('\n', stdout);
    }
    print_surprises(status);
    (void)fputc('\n', stdout);
    print_tasks(status, only);
    if (verbose)
        print_verbose(status, only);
}

static void
leave_only(cJSON *plugins, const char *name)
{
    for (int i = cJSON_GetArraySize(plugins) - 1; i >= 0; i--)
        if (strcmp(print_str(cJSON_GetArrayItem(plugins, i), "name"), name) != 0)
            cJSON_DeleteItemFromArray(plugins, i);
}

int
cli_status(struct cli *cli)
{
    struct command_words words;
    cJSON               *status = NULL;
    const char          *only;
    int                  r = command_parse("status", cli->argc, cli->argv, &words);

    if (r == 0)
        r = ask(cli, request_new("status", NULL), ANSWER_TIMEOUT_MS, &status);
    if (r != 0)
        return r;
    only = words.n_words ? words.word[0] : NULL;
    if (only && carry_missing(ga_json_get(status, "plugins"), "the manifest in force", only, NULL)) {
        r = EXIT_USAGE;
    } else if (cli->json) {
        if (only)
            leave_only(cJSON_GetObjectItemCaseSensitive(status, "plugins"), only);
        print_json(stdout, status);
    } else {
        print_status(status, only, command_option("status", &words, "verbose") != NULL);
    }
    cJSON_Delete(status);
    return r;
}

/* --- orders --------------------------------------------------------------------------------------------------------
 */

/* A daemon that says no to an order about a plugin: because there is none of that name? for_ns: of a pause that ends.
 */
static int
order(const struct cli *cli, cJSON *request, const char *plugin, const char *for_ns, const char *done)
{
    int    pauses = strcmp(print_str(request, "cmd"), "pause") == 0;
    cJSON *answer = NULL;
    cJSON *status = NULL;
    int    r = ask(cli, request, ANSWER_TIMEOUT_MS, &answer);

    if (r != 0)
        return r;
    if (ga_json_bool(answer, "ok", 0)) {
        (void)cJSON_AddStringToObject(answer, "plugin", plugin);
        (void)cJSON_AddBoolToObject(answer, "paused", pauses);
    }
    if (ga_json_bool(answer, "ok", 0) && *for_ns)
        (void)cJSON_AddStringToObject(answer, "for_ns", for_ns);
    if (!ga_json_bool(answer, "ok", 0) && ask(cli, request_new("status", NULL), ANSWER_TIMEOUT_MS, &status) == 0 &&
        carry_missing(ga_json_get(status, "plugins"), "the manifest in force", plugin, NULL))
        r = EXIT_USAGE;
    else
        r = report(cli, answer, EXIT_FAILED, done);
    cJSON_Delete(status);
    cJSON_Delete(answer);
    return r;
}

int
cli_pause(struct cli *cli)
{
    struct command_words words;
    cJSON               *request;
    int64_t              ns = 0;
    char                 number[24] = "";
    char                 done[160] = "paused until `gonka-agent resume`";
    int                  r = command_parse("pause", cli->argc, cli->argv, &words);

    if (r != 0)
        return r;
    if (words.n_words == 2 && (ga_parse_duration(words.word[1], &ns) < 0 || ns <= 0)) {
        (void)fprintf(stderr, "gonka-agent pause: '%s' is no duration such as 30m, 2h or 1d\n", words.word[1]);
        return EXIT_USAGE;
    }
    request = request_new("pause", words.word[0]);
    if (ns > 0) {
        (void)snprintf(number, sizeof(number), "%" PRId64, ns);
        (void)cJSON_AddStringToObject(request, "for_ns", number);
        (void)snprintf(done, sizeof(done), "paused for %.100s", words.word[1]);
    }
    return order(cli, request, words.word[0], number, done);
}

int
cli_resume(struct cli *cli)
{
    struct command_words words;
    int                  r = command_parse("resume", cli->argc, cli->argv, &words);

    return r != 0 ? r : order(cli, request_new("resume", words.word[0]), words.word[0], "", "resumed");
}

int
cli_reload(struct cli *cli)
{
    struct command_words words;
    cJSON               *answer = NULL;
    int                  r = command_parse("reload", cli->argc, cli->argv, &words);

    if (r == 0)
        r = ask(cli, request_new("reload", NULL), RELOAD_TIMEOUT_MS, &answer);
    if (r == 0 && answer)
        r = report(cli, answer, EXIT_MANIFEST, "reloaded");
    cJSON_Delete(answer);
    return r;
}
