/* cli_carry.c: one run for the command line: by the daemon when one answers, here when there is none. */
#include "agent/cli_carry.h"

#include "agent/cli.h"
#include "agent/clock.h"
#include "agent/compile.h"
#include "agent/control_client.h"
#include "agent/local.h"
#include "agent/print.h"
#include "kit/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAMES_MAX 64
#define PATIENCE_MS 3000 /* of silence, before we say what may be the reason */
#define STATUS_TIMEOUT_MS 10000

int
carry_init(struct carry *carry, const struct cli *cli)
{
    *carry = (struct carry){.cli = cli};
    return cli_places(cli, &carry->places);
}

void
carry_done(struct carry *carry)
{
    cJSON_Delete(carry->compiled);
    cli_places_done(&carry->places);
}

int
carry_compile(struct carry *carry)
{
    struct diagnostics diagnostics;
    int                r;

    if (carry->compiled)
        return 0;
    diagnostics_init(&diagnostics, carry->cli->manifest);
    r = compile_manifest(carry->cli->manifest, carry->cli->plugin_dir, &carry->compiled, &diagnostics);
    diagnostics_print(&diagnostics, stderr);
    diagnostics_done(&diagnostics);
    return r < 0 ? EXIT_MANIFEST : 0;
}

/* --- names ---------------------------------------------------------------------------------------------------------
 */

static const cJSON *
named(const cJSON *list, const char *name)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, list)
    {
        if (strcmp(print_str(item, "name"), name) == 0)
            return item;
    }
    return NULL;
}

static char *
nearest(const cJSON *list, const char *name, char *buf, size_t len)
{
    const char  *names[NAMES_MAX];
    const cJSON *item;
    size_t       n = 0;

    cJSON_ArrayForEach(item, list)
    {
        if (n < NAMES_MAX)
            names[n++] = print_str(item, "name");
    }
    return suggestion(name, names, n, buf, len);
}

bool
carry_missing(const cJSON *plugins, const char *where, const char *plugin, const char *task)
{
    const cJSON *found = named(plugins, plugin);
    char         hint[160];

    if (!found)
        (void)fprintf(stderr, "gonka-agent: %s names no plugin '%s'%s\n", where, plugin,
                      nearest(plugins, plugin, hint, sizeof(hint)));
    else if (task && !named(ga_json_get(found, "tasks"), task))
        (void)fprintf(stderr, "gonka-agent: %s has no task '%s'%s (gonka-agent plugins %s lists them)\n", plugin, task,
                      nearest(ga_json_get(found, "tasks"), task, hint, sizeof(hint)), plugin);
    else
        return false;
    return true;
}

/* --- what comes while it runs --------------------------------------------------------------------------------------
 */

static void
show_log(const cJSON *line)
{
    static const char *const levels[] = {"error", "warning", "notice", "info"};
    const cJSON             *level = ga_json_get(line, "level");
    int                      number = cJSON_IsNumber(level) ? level->valueint : 6;

    if (number > 6)
        return;
    (void)fprintf(stderr, "%s: ", levels[number < 3 ? 0 : number - 3]);
    print_safe(stderr, print_str(line, "text"), false);
    (void)fputc('\n', stderr);
}

/* In place, and for people only: it means nothing in a file. */
static void
show_progress(const cJSON *line)
{
    if (!isatty(STDERR_FILENO))
        return;
    (void)fputs("\r", stderr);
    print_safe(stderr, print_str(line, "what"), false);
    (void)fprintf(stderr, " %s/%s\033[K", print_str(line, "done"), print_str(line, "total"));
    if (strcmp(print_str(line, "done"), print_str(line, "total")) == 0)
        (void)fputc('\n', stderr);
    (void)fflush(stderr);
}

static void
show_line(const cJSON *line, void *userdata)
{
    const char *type = print_str(line, "t");

    (void)userdata;
    if (strcmp(type, "log") == 0) {
        show_log(line);
    } else if (strcmp(type, "progress") == 0) {
        show_progress(line);
    } else if (strcmp(type, "event") == 0) {
        (void)fputs("event ", stderr);
        print_safe(stderr, print_str(line, "topic"), false);
        (void)fputc('\n', stderr);
    }
}

/* --- by the daemon -------------------------------------------------------------------------------------------------
 */

static int
lost(const char *socket, int error)
{
    (void)fprintf(
        stderr,
        "gonka-agent: the daemon at %s was lost during the run (%s): see gonka-agent journal for how it ended\n",
        socket,
        error == -ENODATA   ? "it closed the connection"
        : error == -EBADMSG ? "it sent what is not JSON"
                            : strerrordesc_np(-error));
    return EXIT_UNKNOWN;
}

/* 0 and *ret, or -errno with reterr. */
static int
ask_status(const char *socket, cJSON **ret, char *reterr, size_t reterr_len)
{
    cJSON *request = cJSON_CreateObject();
    int    r;

    (void)cJSON_AddStringToObject(request, "cmd", "status");
    r = client_ask(socket, request, STATUS_TIMEOUT_MS, ret, reterr, reterr_len);
    cJSON_Delete(request);
    return r;
}

/* The daemon does not start it. Is that a slip in the words, or did it refuse? */
static int
not_started(const struct carry *carry, const struct carry_wish *wish, const char *error)
{
    char   why[512];
    cJSON *status = NULL;
    bool   missing = ask_status(carry->places.socket, &status, why, sizeof(why)) == 0 &&
                   carry_missing(ga_json_get(status, "plugins"), "the manifest in force", wish->plugin, wish->task);

    cJSON_Delete(status);
    if (missing)
        return EXIT_USAGE;
    (void)fputs("gonka-agent: the daemon refused: ", stderr);
    print_safe(stderr, error, false);
    (void)fputc('\n', stderr);
    return EXIT_REFUSED;
}

/* The next line, with a word about a silence that lasts. */
static int
next_line(struct client *client, const struct carry_wish *wish, bool *said, cJSON **ret)
{
    int r = client_next(client, *said ? -1 : PATIENCE_MS, ret);

    if (r != -ETIMEDOUT)
        return r;
    *said = true;
    (void)fprintf(stderr,
                  "still waiting: %s may be at work, or its turn has not come; gonka-agent status %s tells, Ctrl-C "
                  "leaves the run to the daemon\n",
                  wish->task, wish->plugin);
    return client_next(client, -1, ret);
}

/* Reads what the daemon says about the run to its end. 0 and *ret_end, or an exit code. */
static int
follow(const struct carry *carry, struct client *client, const struct carry_wish *wish, cJSON **ret_end)
{
    bool said = false;

    for (;;) {
        cJSON *line = NULL;
        int    r = next_line(client, wish, &said, &line);

        if (r < 0)
            return lost(carry->places.socket, r);
        if (strcmp(print_str(line, "t"), "end") == 0) {
            *ret_end = line;
            return 0;
        }
        if (*print_str(line, "error")) {
            r = not_started(carry, wish, print_str(line, "error"));
            cJSON_Delete(line);
            return r;
        }
        show_line(line, NULL);
        cJSON_Delete(line);
    }
}

static int
by_daemon(const struct carry *carry, struct client *client, const struct carry_wish *wish, cJSON **ret_end)
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
    if (r == 0)
        return follow(carry, client, wish, ret_end);
    (void)fprintf(stderr, "gonka-agent: cannot ask the daemon at %s: %s\n", carry->places.socket, strerrordesc_np(-r));
    return EXIT_UNKNOWN;
}

/* --- here ----------------------------------------------------------------------------------------------------------
 */

static int
here(struct carry *carry, const struct carry_wish *wish, cJSON **ret_end)
{
    int r = carry_compile(carry);

    if (r != 0)
        return r;
    if (carry_missing(ga_json_get(carry->compiled, "plugins"), carry->cli->manifest, wish->plugin, wish->task))
        return EXIT_USAGE;
    local_run(&(struct local_request){.compiled = carry->compiled,
                                      .plugin = wish->plugin,
                                      .task = wish->task,
                                      .args = wish->args,
                                      .rules = wish->rules,
                                      .dry_run = wish->dry_run},
              show_line, NULL, ret_end);
    return *ret_end ? 0 : EXIT_FAILED;
}

int
carry_out(struct carry *carry, const struct carry_wish *wish, cJSON **ret_end)
{
    struct client *client = NULL;
    char           error[512];
    int            r;

    if (carry->local)
        return here(carry, wish, ret_end);
    r = client_connect(carry->places.socket, &client, error, sizeof(error));
    if (r < 0 && client_absent(r))
        return here(carry, wish, ret_end);
    if (r < 0) {
        (void)fprintf(stderr, "gonka-agent: %s\n", error);
        return EXIT_UNKNOWN;
    }
    r = by_daemon(carry, client, wish, ret_end);
    client_close(client);
    return r;
}

/* --- which of the two, for a look at this manifest -----------------------------------------------------------------
 */

/* Do both names lead to one file? */
static bool
same_file(const char *a, const char *b)
{
    struct stat st_a;
    struct stat st_b;

    return stat(a, &st_a) == 0 && stat(b, &st_b) == 0 && st_a.st_dev == st_b.st_dev && st_a.st_ino == st_b.st_ino;
}

/* Why the manifest that the daemon has in force is not the file as it is now; NULL: it is. */
static const char *
other_manifest(const struct carry *carry, const cJSON *status)
{
    const char *read_at = print_str(status, "manifest_read");
    struct stat st;
    int64_t     read_ns;

    if (!same_file(carry->cli->manifest, print_str(status, "manifest")))
        return "the daemon has another manifest in force";
    if (print_parse_iso(*read_at ? read_at : print_str(status, "since"), &read_ns) != 0 ||
        stat(carry->cli->manifest, &st) < 0 || (int64_t)st.st_ctim.tv_sec * NS_PER_S + st.st_ctim.tv_nsec > read_ns)
        return "the manifest was changed after the daemon had read it";
    return NULL;
}

int
carry_prefer_daemon(struct carry *carry)
{
    cJSON      *status = NULL;
    const char *why;
    char        error[512];
    int         r = ask_status(carry->places.socket, &status, error, sizeof(error));

    if (r < 0 && client_absent(r))
        return 0;
    if (r < 0) {
        (void)fprintf(stderr, "gonka-agent: %s; with --local the daemon is not asked\n", error);
        return EXIT_UNKNOWN;
    }
    why = carry->cli->plugin_dir ? "--plugin-dir was given" : other_manifest(carry, status);
    cJSON_Delete(status);
    carry->local = why != NULL;
    if (why)
        (void)fprintf(stderr, "not by the daemon but here, because %s\n", why);
    return 0;
}
