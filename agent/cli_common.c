/* cli_common.c: what several commands share. */
#include "agent/cli_common.h"

#include "agent/cli.h"
#include "agent/clock.h"
#include "agent/compile.h"
#include "agent/print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *
cli_absolute(const char *path)
{
    char *folder;
    char *whole = NULL;

    if (*path == '/')
        return strdup(path);
    folder = getcwd(NULL, 0);
    if (folder && asprintf(&whole, "%s/%s", folder, path) < 0)
        whole = NULL;
    free(folder);
    return whole;
}

int
cli_places(const struct cli *cli, struct cli_places *ret)
{
    struct diagnostics diagnostics;
    cJSON             *agent = NULL;
    int                r;

    diagnostics_init(&diagnostics, cli->manifest);
    r = compile_agent_part(cli->manifest, cli->plugin_dir, &agent, &diagnostics);
    if (r < 0)
        diagnostics_print(&diagnostics, stderr);
    diagnostics_done(&diagnostics);
    if (r < 0)
        return EXIT_MANIFEST;
    ret->socket = strdup(print_str(agent, "socket"));
    ret->state_dir = strdup(print_str(agent, "state_dir"));
    cJSON_Delete(agent);
    return ret->socket && ret->state_dir ? 0 : EXIT_FAILED;
}

void
cli_places_done(struct cli_places *places)
{
    free(places->socket);
    free(places->state_dir);
}

char *
cli_plugin_dir(const struct cli *cli)
{
    struct diagnostics quiet;
    cJSON             *agent = NULL;
    char              *dir;

    diagnostics_init(&quiet, cli->manifest);
    (void)compile_agent_part(cli->manifest, NULL, &agent, &quiet);
    diagnostics_done(&quiet);
    dir = strdup(agent ? print_str(agent, "plugin_dir") : PLUGIN_DIR);
    cJSON_Delete(agent);
    return dir;
}

int
cli_outcome_exit(const char *outcome)
{
    if (strcmp(outcome, "ok") == 0 || strcmp(outcome, "changed") == 0)
        return 0;
    if (strcmp(outcome, "refused") == 0)
        return EXIT_REFUSED;
    return strcmp(outcome, "unknown") == 0 ? EXIT_UNKNOWN : EXIT_FAILED;
}

void
cli_event_time(cJSON *event)
{
    char iso[CLOCK_ISO_LEN];

    (void)cJSON_AddStringToObject(event, "time", clock_iso(strtoll(print_str(event, "time_ns"), NULL, 10), iso));
}
