/* cli_words.c: words that the shell offers for completion: plugins, their tasks, the tasks' arguments. */
#include "agent/cli.h"
#include "agent/cli_common.h"
#include "agent/compile.h"
#include "agent/desc.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Files are enough for names: nothing is opened. */
static void
print_plugins(const char *path)
{
    DIR           *dir = path ? opendir(path) : NULL;
    struct dirent *entry;

    while (dir && (entry = readdir(dir)) != NULL) {
        size_t len = strlen(entry->d_name);

        if (len > 3 && strcmp(entry->d_name + len - 3, ".so") == 0)
            (void)printf("%.*s\n", (int)(len - 3), entry->d_name);
    }
    if (dir)
        (void)closedir(dir);
}

static void
print_tasks(const struct plugin_desc *desc)
{
    for (size_t i = 0; i < desc->n_tasks; i++)
        (void)puts(desc->tasks[i].name);
}

static void
print_arguments(const struct task_desc *task)
{
    for (size_t i = 0; task && i < task->n_args; i++)
        (void)printf("%s=\n", task->args[i].key);
}

int
cli_words(const struct cli *cli, const char *kind, char *const *of, int n_of)
{
    struct desc_request request = {.name = n_of > 0 ? of[0] : ""};
    char               *dir = cli_plugin_dir(cli);
    char               *file = NULL;

    if (strcmp(kind, "plugins") == 0) {
        print_plugins(cli->plugin_dir);
        print_plugins(dir);
    } else if (n_of > 0 && dir) {
        file = compile_find_plugin(of[0], cli->plugin_dir, dir);
        request.file = file;
    }
    free(dir);
    if (file)
        desc_ask(&request, 1, "best-effort");
    if (request.desc && strcmp(kind, "tasks") == 0)
        print_tasks(request.desc);
    else if (request.desc && strcmp(kind, "arguments") == 0 && n_of > 1)
        print_arguments(desc_task(request.desc, of[1]));
    desc_free(request.desc);
    free(file);
    return 0;
}
