/*
 * `init`: the command, and that what it writes passes `check`. $GONKA_AGENT is the program, $GONKA_PLUGINS the folder
 * of its plugins.
 */
#include "kit/exec.h"
#include "kit/files.h"
#include "tests/unit/init_world.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Runs the program; the exit status. *ret_errors: the caller's. */
static int
agent(const char *const *words, char **ret_output, char **ret_errors)
{
    const char           *argv[16] = {environment("GONKA_AGENT", "./gonka-agent")};
    const char *const     env[] = {"PATH=/usr/bin:/bin", "DOCKER_HOST=unix:///nowhere", NULL};
    char                  here[PATH_MAX];
    struct ga_exec_result result;
    int                   code;

    for (size_t i = 0; words[i]; i++)
        argv[i + 1] = words[i];
    (void)ga_exec_run(&(struct ga_exec){.argv = argv, .env = env, .cwd = getcwd(here, sizeof(here))}, &result);
    assert_int_equal(result.end, GA_EXEC_EXITED);
    code = result.code;
    if (ret_output)
        *ret_output = strdup(result.output);
    if (ret_errors)
        *ret_errors = strdup(result.errors);
    ga_exec_done(&result);
    return code;
}

static void
assert_agent(int status, const char *says, const char *const *words)
{
    char *errors = NULL;
    int   code = agent(words, NULL, &errors);

    if (code != status || !strstr(errors, says))
        fail_msg("%s: %d, %s", words[0], code, errors);
    free(errors);
}

static unsigned
entries(const char *path)
{
    DIR     *dir = opendir(path);
    unsigned n = 0;

    assert_non_null(dir);
    while (readdir(dir))
        n++;
    (void)closedir(dir);
    return n - 2;
}

static void
assert_file(const char *path, const char *wanted)
{
    char  *text = NULL;
    size_t len;
    char   why[512];

    assert_int_equal(ga_file_read(path, 1 << 20, &text, &len, why, sizeof(why)), 0);
    if (wanted)
        assert_string_equal(text, wanted);
    else
        assert_non_null(strstr(text, "# Manifest of gonka-agent"));
    free(text);
}

static void
a_file_is_written_once_and_replaced_only_by_force(void **state)
{
    const struct folder *folder = *state;
    const char          *path = inside(folder, "m.yaml");
    struct stat          st;

    assert_agent(0, "wrote ", (const char *[]){"init", sample("join"), "-o", path, NULL});
    assert_file(path, NULL);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    put(folder, "m.yaml", "mine");
    path = inside(folder, "m.yaml");
    assert_agent(3, "is there already", (const char *[]){"init", sample("join"), "-o", path, NULL});
    assert_file(path, "mine");
    assert_agent(0, "wrote ", (const char *[]){"init", sample("join"), "-o", path, "--force", NULL});
    assert_file(path, NULL);
    assert_int_equal(entries(folder->path), 1); /* nothing that was written aside is left */
}

static void
a_link_is_not_written_through(void **state)
{
    const struct folder *folder = *state;
    char                 other[PATH_MAX];

    put(folder, "other", "theirs");
    (void)snprintf(other, sizeof(other), "%s", inside(folder, "other"));
    assert_int_equal(symlink("other", inside(folder, "m.yaml")), 0);
    assert_agent(3, "is there already", (const char *[]){"init", sample("join"), "-o", inside(folder, "m.yaml"), NULL});
    assert_agent(0, "wrote ",
                 (const char *[]){"init", sample("join"), "-o", inside(folder, "m.yaml"), "--force", NULL});
    assert_file(other, "theirs");
}

static void
places_where_no_file_can_be_are_said(void **state)
{
    const struct folder *folder = *state;

    assert_agent(1, "there is no such folder: make it first",
                 (const char *[]){"init", sample("join"), "-o", inside(folder, "none/m.yaml"), NULL});
    make(folder, "dir");
    assert_agent(1, "is no file, so it is not replaced",
                 (const char *[]){"init", sample("join"), "--force", "-o", inside(folder, "dir"), NULL});
    assert_agent(1, "names a folder: name the file in it",
                 (const char *[]){"init", sample("join"), "-o", inside(folder, "dir/"), NULL});
    put(folder, "file", "");
    assert_agent(1, "is no folder", (const char *[]){"init", sample("join"), "-o", inside(folder, "file/m"), NULL});
    assert_agent(2, "needs a value", (const char *[]){"init", sample("join"), "-o", NULL});
    assert_agent(2, "too much", (const char *[]){"init", sample("join"), "more", NULL});
    assert_agent(1, "does not look like a deploy directory", (const char *[]){"init", sample("nothing"), NULL});
}

static void
assert_passes_check(const struct folder *folder, const char *deploy_dir, const char *plugin_dir, bool used)
{
    char  manifest[PATH_MAX];
    char *output = NULL;

    (void)snprintf(manifest, sizeof(manifest), "%s", inside(folder, "m.yaml"));
    assert_agent(0, "wrote ",
                 (const char *[]){"init", deploy_dir, "-o", manifest, "--force", "--plugin-dir", plugin_dir, NULL});
    assert_agent(0, "", (const char *[]){"check", "-c", manifest, NULL});
    assert_int_equal(agent((const char *[]){"check", "--json", "-c", manifest, NULL}, &output, NULL), 0);
    assert_int_equal(strstr(output, "\"backup-pruner\"") != NULL, used);
    free(output);
}

static void
the_manifest_passes_check_with_the_plugins_that_are_installed(void **state)
{
    static const char *const samples[] = {"join", "moved", "broken"};
    const char              *plugins = environment("GONKA_PLUGINS", "run/plugins");
    char                     path[PATH_MAX];

    (void)snprintf(path, sizeof(path), "%s/backup-pruner.so", plugins);
    if (access(path, R_OK) != 0)
        skip(); /* configured without it */
    for (size_t i = 0; i < COUNT(samples); i++)
        assert_passes_check(*state, sample(samples[i]), plugins, true);
}

static void
the_manifest_passes_check_with_plugins_that_cannot_be_loaded(void **state)
{
    const struct folder *folder = *state;
    char                 plugins[PATH_MAX];

    make(folder, "plugins");
    put(folder, "plugins/backup-pruner.so", "no library");
    put(folder, "plugins/nats-ttl.so", "");
    (void)snprintf(plugins, sizeof(plugins), "%s", inside(folder, "plugins"));
    assert_passes_check(folder, sample("join"), plugins, false);
}

static void
the_manifest_passes_check_where_nothing_is_installed(void **state)
{
    const struct folder *folder = *state;
    char                 plugins[PATH_MAX];

    if (access(PLUGIN_DIR "/backup-pruner.so", F_OK) == 0 || access(PLUGIN_DIR "/nats-ttl.so", F_OK) == 0)
        skip(); /* this machine has them */
    make(folder, "plugins");
    (void)snprintf(plugins, sizeof(plugins), "%s", inside(folder, "plugins"));
    assert_passes_check(folder, sample("published"), plugins, false);
}

static void
json_has_the_same_facts(void **state)
{
    char  *output = NULL;
    cJSON *json;

    (void)state;
    assert_int_equal(agent((const char *[]){"init", sample("join"), "--json", NULL}, &output, NULL), 0);
    json = cJSON_Parse(output);
    assert_non_null(json);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(json, "homes")), 2);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "api_port")), "8000");
    assert_non_null(
        strstr(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "manifest")), "# Manifest of gonka-agent"));
    cJSON_Delete(json);
    free(output);
}

int
main(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, init_make_folder, init_remove_folder)
    static const struct CMUnitTest tests[] = {
        WITH_FOLDER(a_file_is_written_once_and_replaced_only_by_force),
        WITH_FOLDER(a_link_is_not_written_through),
        WITH_FOLDER(places_where_no_file_can_be_are_said),
        WITH_FOLDER(the_manifest_passes_check_with_the_plugins_that_are_installed),
        WITH_FOLDER(the_manifest_passes_check_with_plugins_that_cannot_be_loaded),
        WITH_FOLDER(the_manifest_passes_check_where_nothing_is_installed),
        WITH_FOLDER(json_has_the_same_facts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
