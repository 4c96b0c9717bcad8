/* cli_init.c: `init`: looks at a host and writes a commented manifest for it. */
#include "agent/cli.h"
#include "agent/cli_common.h"
#include "agent/commands.h"
#include "agent/compile.h"
#include "agent/deploy.h"
#include "agent/desc.h"
#include "agent/init_manifest.h"
#include "agent/print.h"
#include "kit/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const offered[] = {"nats-ttl", "backup-pruner"}; /* plugins that init knows how to configure */

#define N_OFFERED (sizeof(offered) / sizeof(offered[0]))

/* --- installed plugins ---------------------------------------------------------------------------------------------
 */

struct installed {
    struct desc_request  request[N_OFFERED];
    char                 why[N_OFFERED][640]; /* why it cannot be used; "" when it can */
    struct desc_request *others;              /* plugins that init knows nothing of */
    size_t               n_others;
};

static bool
is_offered(const char *name)
{
    for (size_t i = 0; i < N_OFFERED; i++)
        if (strcmp(offered[i], name) == 0)
            return true;
    return false;
}

static bool
is_listed(const struct installed *installed, const char *name)
{
    for (size_t i = 0; i < installed->n_others; i++)
        if (strcmp(installed->others[i].name, name) == 0)
            return true;
    return is_offered(name);
}

/* Adds the plugins in a folder that init knows nothing of. */
static void
list_others(struct installed *installed, const char *path)
{
    struct dirent **entries = NULL;
    int             n = path ? scandir(path, &entries, NULL, alphasort) : 0;

    for (int i = 0; i < n; i++) {
        size_t               len = strlen(entries[i]->d_name);
        struct desc_request *more;
        char                *file = NULL;

        if (len > 3 && strcmp(entries[i]->d_name + len - 3, ".so") == 0) {
            entries[i]->d_name[len - 3] = '\0';
            more = is_listed(installed, entries[i]->d_name)
                       ? NULL
                       : reallocarray(installed->others, installed->n_others + 1, sizeof(*more));
            if (more) {
                installed->others = more;
                if (asprintf(&file, "%s/%s.so", path, entries[i]->d_name) >= 0)
                    more[installed->n_others++] =
                        (struct desc_request){.name = strdup(entries[i]->d_name), .file = file};
            }
        }
        free(entries[i]);
    }
    free(entries);
}

/* Which plugins are there, and do they load? A manifest with one that does not would not pass `check`. */
static void
find_installed(const struct cli *cli, struct installed *ret)
{
    struct desc_request requests[N_OFFERED];
    size_t              n = 0;

    *ret = (struct installed){.others = NULL};
    for (size_t i = 0; i < N_OFFERED; i++) {
        ret->request[i].name = offered[i];
        ret->request[i].file = compile_find_plugin(offered[i], cli->plugin_dir, PLUGIN_DIR);
        if (ret->request[i].file)
            requests[n++] = ret->request[i];
        else
            (void)snprintf(ret->why[i], sizeof(ret->why[i]), "the plugin is not installed in %s%s%s",
                           cli->plugin_dir ? cli->plugin_dir : "", cli->plugin_dir ? " or " : "", PLUGIN_DIR);
    }
    desc_ask(requests, n, "best-effort");
    for (size_t i = 0, k = 0; i < N_OFFERED; i++) {
        if (!ret->request[i].file)
            continue;
        ret->request[i] = requests[k++];
        if (!ret->request[i].desc)
            (void)snprintf(ret->why[i], sizeof(ret->why[i]), "the plugin cannot be loaded: %s", ret->request[i].error);
    }
    list_others(ret, cli->plugin_dir);
    list_others(ret, PLUGIN_DIR);
    desc_ask(ret->others, ret->n_others, "best-effort");
}

static void
installed_done(struct installed *installed)
{
    for (size_t i = 0; i < N_OFFERED; i++) {
        desc_free(installed->request[i].desc);
        free((char *)(uintptr_t)installed->request[i].file);
    }
    for (size_t i = 0; i < installed->n_others; i++) {
        desc_free(installed->others[i].desc);
        free((char *)(uintptr_t)installed->others[i].name);
        free((char *)(uintptr_t)installed->others[i].file);
    }
    free(installed->others);
}

/* The text of the manifest; the caller frees it. */
static char *
manifest_text(const struct cli *cli, const struct deploy *deploy, size_t *ret_len)
{
    struct installed    installed;
    struct init_plugins plugins;
    char               *text = NULL;
    FILE               *out;

    find_installed(cli, &installed);
    plugins = (struct init_plugins){.dir = cli->plugin_dir,
                                    .nats_ttl = installed.why[0][0] ? installed.why[0] : NULL,
                                    .backup_pruner = installed.why[1][0] ? installed.why[1] : NULL,
                                    .others = installed.others,
                                    .n_others = installed.n_others};
    out = open_memstream(&text, ret_len);
    if (out) {
        init_manifest(out, deploy, &plugins);
        if (fclose(out) != 0) {
            free(text);
            text = NULL;
        }
    }
    installed_done(&installed);
    return text;
}

/* --- the file ------------------------------------------------------------------------------------------------------
 */

static int
cannot(const char *path, const char *why)
{
    (void)fprintf(stderr, "gonka-agent init: %s%s%s\n", path ? path : "", path ? ": " : "", why);
    return EXIT_FAILED;
}

static int
is_there(const char *path)
{
    (void)fprintf(stderr,
                  "gonka-agent init: %s is there already and was left as it is: name another file, or give --force\n",
                  path);
    return EXIT_REFUSED;
}

/* The folder must be there before something is written aside in it. 0 or an exit code. */
static int
check_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char       *folder = !slash ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
    struct stat st;
    int         r = 0;

    if (!folder)
        return EXIT_FAILED;
    if (!slash || slash[1]) {
        if (stat(folder, &st) < 0)
            r = cannot(folder,
                       errno == ENOENT ? "there is no such folder: make it first, mkdir -p" : strerrordesc_np(errno));
        else if (!S_ISDIR(st.st_mode))
            r = cannot(folder, "is no folder");
    } else {
        r = cannot(path, "names a folder: name the file in it");
    }
    free(folder);
    return r;
}

/* Puts the file where none may be, in one step. */
static int
write_new(const char *path, const char *text, size_t len)
{
    char *aside = NULL;
    char  why[512];
    int   r = 0;

    if (asprintf(&aside, "%s.%d.new", path, (int)getpid()) < 0)
        return EXIT_FAILED;
    if (ga_file_write(aside, text, len, 0640, why, sizeof(why)) < 0) {
        free(aside);
        return cannot(NULL, why);
    }
    if (renameat2(AT_FDCWD, aside, AT_FDCWD, path, RENAME_NOREPLACE) < 0) {
        int error = errno;

        if ((error != EINVAL && error != ENOSYS) || rename(aside, path) < 0) /* a file system that cannot promise it */
            r = error == EEXIST ? is_there(path) : cannot(path, strerrordesc_np(error));
    }
    if (r != 0)
        (void)unlink(aside);
    free(aside);
    return r;
}

static int
write_manifest(const char *path, bool force, const char *text, size_t len)
{
    char        why[512];
    struct stat st;
    int         r = check_folder(path);

    if (r != 0)
        return r;
    if (lstat(path, &st) == 0 && !force)
        return is_there(path);
    if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
        return cannot(path, "is no file, so it is not replaced");
    if (!force)
        r = write_new(path, text, len);
    else if (ga_file_write(path, text, len, 0640, why, sizeof(why)) < 0)
        r = cannot(NULL, why);
    if (r == 0)
        (void)fprintf(stderr, "wrote %s; next: gonka-agent check -c %s, then gonka-agent plan -c %s\n", path, path,
                      path);
    return r;
}

/* --- the command ---------------------------------------------------------------------------------------------------
 */

static void
print_found(const struct deploy *deploy, const char *manifest, const char *output)
{
    cJSON *json = cJSON_CreateObject();
    cJSON *homes = cJSON_CreateArray();

    (void)cJSON_AddStringToObject(json, "deploy_dir", deploy->dir);
    (void)cJSON_AddItemToObject(json, "compose",
                                deploy->compose ? cJSON_CreateString(deploy->compose) : cJSON_CreateNull());
    (void)cJSON_AddBoolToObject(json, "config_env", deploy->config_env);
    (void)cJSON_AddBoolToObject(json, "tmkms", deploy->tmkms);
    for (size_t i = 0; i < DEPLOY_HOMES; i++) {
        const struct deploy_home *home = &deploy->homes[i];
        cJSON                    *item;

        if (!home->path)
            continue;
        item = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(item, "name", home->name);
        (void)cJSON_AddStringToObject(item, "path", home->path);
        (void)cJSON_AddNumberToObject(item, "backups", home->backups);
        (void)cJSON_AddNumberToObject(item, "disk_size", (double)home->disk_size);
        (void)cJSON_AddNumberToObject(item, "disk_free", (double)home->disk_free);
        (void)cJSON_AddItemToArray(homes, item);
    }
    (void)cJSON_AddItemToObject(json, "homes", homes);
    (void)cJSON_AddStringToObject(json, "api_port", deploy->api_port);
    (void)cJSON_AddStringToObject(json, "nats_server", deploy->nats_server ? deploy->nats_server : "");
    (void)cJSON_AddItemToObject(json, "docker_socket",
                                deploy->docker_socket ? cJSON_CreateString(deploy->docker_socket) : cJSON_CreateNull());
    (void)cJSON_AddItemToObject(json, "notes", cJSON_Duplicate(deploy->notes, 1));
    (void)cJSON_AddItemToObject(json, "written", output ? cJSON_CreateString(output) : cJSON_CreateNull());
    (void)cJSON_AddStringToObject(json, "manifest", manifest);
    print_json(stdout, json);
    cJSON_Delete(json);
}

static int
write_for(const struct cli *cli, const struct deploy *deploy, const char *output, bool force)
{
    size_t len = 0;
    char  *text = manifest_text(cli, deploy, &len);
    int    r = 0;

    if (!text)
        return cannot(NULL, "no memory");
    if (output)
        r = write_manifest(output, force, text, len);
    else if (!cli->json)
        (void)fputs(text, stdout);
    if (cli->json && r == 0)
        print_found(deploy, text, output);
    free(text);
    return r;
}

int
cli_init(struct cli *cli)
{
    struct command_words words;
    struct deploy        deploy;
    char                 why[PATH_MAX + 512];
    const char          *output;
    int                  r = command_parse("init", cli->argc, cli->argv, &words);

    if (r != 0)
        return r;
    output = command_option("init", &words, "output");
    if (output && strcmp(output, "-") == 0)
        output = NULL;
    if (deploy_look(words.n_words ? words.word[0] : NULL, &deploy, why, sizeof(why)) < 0) {
        (void)fputs("gonka-agent init: ", stderr);
        print_safe(stderr, why, false);
        (void)fputc('\n', stderr);
        r = EXIT_FAILED;
    } else {
        r = write_for(cli, &deploy, output, command_option("init", &words, "force") != NULL);
    }
    deploy_done(&deploy);
    return r;
}
