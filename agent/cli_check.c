/* cli_check.c: `check`. */
#include "agent/cli.h"
#include "agent/commands.h"
#include "agent/compile.h"
#include "agent/print.h"

#include <stdio.h>

static void
print_result(const cJSON *compiled, const struct diagnostics *diagnostics)
{
    cJSON *result = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(result, "diagnostics");

    (void)cJSON_AddBoolToObject(result, "ok", compiled != NULL);
    for (size_t i = 0; i < diagnostics->count; i++) {
        const struct diagnostic *item = &diagnostics->items[i];
        cJSON                   *json = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(json, "file", diagnostics->file);
        (void)cJSON_AddNumberToObject(json, "line", item->place.line);
        (void)cJSON_AddNumberToObject(json, "column", item->place.column);
        (void)cJSON_AddStringToObject(json, "level", item->warning ? "warning" : "error");
        (void)cJSON_AddStringToObject(json, "text", item->text);
        (void)cJSON_AddItemToArray(list, json);
    }
    if (compiled)
        (void)cJSON_AddItemToObject(result, "compiled", cJSON_Duplicate(compiled, 1));
    print_json(stdout, result);
    cJSON_Delete(result);
}

static void
say_well(const struct cli *cli, const cJSON *compiled)
{
    const cJSON *plugin;
    int          tasks = 0;

    cJSON_ArrayForEach(plugin, cJSON_GetObjectItemCaseSensitive(compiled, "plugins")) tasks +=
        cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(plugin, "tasks"));
    (void)printf("%s: good, %d plugins with %d tasks\n", cli->manifest,
                 cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(compiled, "plugins")), tasks);
}

int
cli_check(struct cli *cli)
{
    struct command_words words;
    struct diagnostics   diagnostics;
    cJSON               *compiled = NULL;
    int                  r = command_parse("check", cli->argc, cli->argv, &words);

    if (r != 0)
        return r;
    diagnostics_init(&diagnostics, cli->manifest);
    r = compile_manifest(cli->manifest, cli->plugin_dir, &compiled, &diagnostics);
    if (cli->json) {
        print_result(compiled, &diagnostics);
    } else {
        diagnostics_print(&diagnostics, stderr);
        if (r == 0)
            say_well(cli, compiled);
    }
    cJSON_Delete(compiled);
    diagnostics_done(&diagnostics);
    return r == 0 ? 0 : EXIT_MANIFEST;
}
