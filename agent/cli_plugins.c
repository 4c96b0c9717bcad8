/* cli_plugins.c: `plugins`: what is installed, and what one plugin says of itself. */
#include "agent/cli.h"
#include "agent/cli_common.h"
#include "agent/commands.h"
#include "agent/compile.h"
#include "agent/plugin_page.h"
#include "agent/print.h"
#include "kit/json.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLUGINS_MAX 256

static int
by_name(const void *a, const void *b)
{
    return strcmp(((const struct desc_request *)a)->name, ((const struct desc_request *)b)->name);
}

static bool
known(const struct desc_request *requests, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(requests[i].name, name) == 0)
            return true;
    return false;
}

static void
collect(const char *path, struct desc_request *requests, size_t *n)
{
    DIR           *dir = path ? opendir(path) : NULL;
    struct dirent *entry;

    while (dir && *n < PLUGINS_MAX && (entry = readdir(dir)) != NULL) {
        size_t len = strlen(entry->d_name);
        char  *name = len > 3 && strcmp(entry->d_name + len - 3, ".so") == 0 ? strndup(entry->d_name, len - 3) : NULL;
        char  *file = NULL;

        if (!name || known(requests, *n, name) || asprintf(&file, "%s/%s", path, entry->d_name) < 0)
            free(name);
        else
            requests[(*n)++] = (struct desc_request){.name = name, .file = file};
    }
    if (dir)
        (void)closedir(dir);
}

static cJSON *
row_json(const struct desc_request *request)
{
    cJSON *row = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(row, "name", request->name);
    (void)cJSON_AddStringToObject(row, "file", request->file);
    if (request->desc) {
        (void)cJSON_AddStringToObject(row, "version", request->desc->version);
        (void)cJSON_AddStringToObject(row, "summary", request->desc->summary);
    } else {
        (void)cJSON_AddStringToObject(row, "error", request->error);
    }
    return row;
}

static void
print_list(const struct cli *cli, const struct desc_request *requests, size_t n)
{
    static const char *const titles[] = {"PLUGIN", "VERSION", "SUMMARY", NULL};
    struct table            *table = table_new(titles);
    cJSON                   *list = cJSON_CreateArray();
    cJSON                   *whole = cJSON_CreateObject();

    for (size_t i = 0; i < n; i++) {
        const struct plugin_desc *desc = requests[i].desc;

        (void)cJSON_AddItemToArray(list, row_json(&requests[i]));
        if (table)
            table_row(table, desc ? PRINT_PLAIN : PRINT_RED, 2,
                      (const char *[]){requests[i].name, desc ? desc->version : "-",
                                       desc ? desc->summary : requests[i].error});
    }
    (void)cJSON_AddItemToObject(whole, "plugins", list);
    if (cli->json)
        print_json(stdout, whole);
    else if (table)
        table_print(table, stdout);
    cJSON_Delete(whole);
    table_free(table);
}

static int
list_all(const struct cli *cli, const char *dir)
{
    struct desc_request *requests = calloc(PLUGINS_MAX, sizeof(*requests));
    size_t               n = 0;

    if (!requests)
        return EXIT_FAILED;
    collect(cli->plugin_dir, requests, &n);
    collect(dir, requests, &n);
    if (n > 0)
        qsort(requests, n, sizeof(*requests), by_name);
    desc_ask(requests, n, "best-effort");
    print_list(cli, requests, n);
    if (n == 0 && !cli->json)
        (void)fprintf(stderr, "no plugins in %s%s%s\n", cli->plugin_dir ? cli->plugin_dir : "",
                      cli->plugin_dir ? " or " : "", dir);
    for (size_t i = 0; i < n; i++) {
        desc_free(requests[i].desc);
        free((char *)(uintptr_t)requests[i].name);
        free((char *)(uintptr_t)requests[i].file);
    }
    free(requests);
    return 0;
}

/* The plugin's part of the compiled manifest, where a good manifest names it. */
static cJSON *
compiled_part(const struct cli *cli, const char *name)
{
    struct diagnostics quiet;
    cJSON             *compiled = NULL;
    const cJSON       *plugin;
    cJSON             *part = NULL;

    diagnostics_init(&quiet, cli->manifest);
    (void)compile_manifest(cli->manifest, cli->plugin_dir, &compiled, &quiet);
    diagnostics_done(&quiet);
    cJSON_ArrayForEach(plugin, ga_json_get(compiled, "plugins")) if (strcmp(print_str(plugin, "name"), name) == 0)
        part = cJSON_Duplicate(plugin, 1);
    cJSON_Delete(compiled);
    return part;
}

static int
show_one(const struct cli *cli, const char *name, const char *dir, const struct command_words *words)
{
    struct desc_request request = {.name = name};
    char               *file = compile_find_plugin(name, cli->plugin_dir, dir);
    cJSON              *part;

    if (!file) {
        (void)fprintf(stderr, "gonka-agent plugins: there is no plugin '%s' in %s%s%s\n", name,
                      cli->plugin_dir ? cli->plugin_dir : "", cli->plugin_dir ? " or " : "", dir);
        return EXIT_USAGE;
    }
    request.file = file;
    desc_ask(&request, 1, "best-effort");
    if (!request.desc) {
        (void)fprintf(stderr, "gonka-agent plugins: %s\n", request.error);
        free(file);
        return EXIT_FAILED;
    }
    part = compiled_part(cli, name);
    if (cli->json)
        plugin_page_json(request.desc, file, part, stdout);
    else if (command_option("plugins", words, "man"))
        plugin_page_man(request.desc, stdout);
    else if (command_option("plugins", words, "markdown"))
        plugin_page_markdown(request.desc, stdout);
    else
        plugin_page_text(request.desc, file, part, stdout);
    cJSON_Delete(part);
    desc_free(request.desc);
    free(file);
    return 0;
}

int
cli_plugins(struct cli *cli)
{
    struct command_words words;
    char                *dir;
    int                  r = command_parse("plugins", cli->argc, cli->argv, &words);

    if (r != 0)
        return r;
    dir = cli_plugin_dir(cli);
    r = !dir ? EXIT_FAILED : words.n_words ? show_one(cli, words.word[0], dir, &words) : list_all(cli, dir);
    free(dir);
    return r;
}
