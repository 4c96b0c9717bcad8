/* `init`: what it sees in a deploy directory, and the manifest that it makes of it. */
#include "agent/deploy.h"
#include "agent/init_manifest.h"
#include "agent/manifest.h"
#include "tests/unit/init_world.h"

#include "gonka-agent/plugin.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define GB UINT64_C(1000000000)

/* --- helpers -------------------------------------------------------------------------------------------------------
 */

static struct deploy
look(const char *dir)
{
    struct deploy deploy;
    char          why[5000] = "";

    if (deploy_look(dir, &deploy, why, sizeof(why)) < 0)
        fail_msg("%s", why);
    return deploy;
}

static void
assert_refused(const char *dir, const char *words)
{
    struct deploy deploy;
    char          why[5000] = "";

    assert_int_equal(deploy_look(dir, &deploy, why, sizeof(why)), -1);
    if (!strstr(why, words))
        fail_msg("'%s' is not in: %s", words, why);
    deploy_done(&deploy);
}

static void
assert_noted(const struct deploy *deploy, const char *words)
{
    const cJSON *note;

    cJSON_ArrayForEach(note, deploy->notes)
    {
        if (strstr(note->valuestring, words))
            return;
    }
    fail_msg("no note says: %s", words);
}

static char *
manifest_of(const struct deploy *deploy, const struct init_plugins *plugins)
{
    static const struct init_plugins all = {0};
    char                            *text = NULL;
    size_t                           len = 0;
    FILE                            *out = open_memstream(&text, &len);

    assert_non_null(out);
    init_manifest(out, deploy, plugins ? plugins : &all);
    assert_int_equal(fclose(out), 0);
    return text;
}

static struct node *
parsed(const char *text)
{
    struct diagnostics diagnostics;
    struct node       *root;

    diagnostics_init(&diagnostics, "manifest");
    root = manifest_parse(text, strlen(text), &diagnostics);
    if (!root || diagnostics.errors > 0)
        fail_msg("%s in:\n%s", diagnostics.count ? diagnostics.items[0].text : "nothing", text);
    diagnostics_done(&diagnostics);
    return root;
}

/* "a.b.0" of a tree; fails the test when there is no such value. */
static const char *
value_at(const struct node *at, const char *path)
{
    char  copy[256];
    char *rest = copy;
    char *word;

    (void)snprintf(copy, sizeof(copy), "%s", path);
    while ((word = strsep(&rest, "/")) != NULL) {
        size_t i = strtoul(word, NULL, 10);

        at = at && at->type == NODE_LIST ? (i < at->count ? at->items[i] : NULL) : node_get(at, word);
        if (!at)
            fail_msg("there is no %s at %s", word, path);
    }
    return at->text;
}

static void
assert_value(const struct deploy *deploy, const char *path, const char *wanted)
{
    char        *text = manifest_of(deploy, NULL);
    struct node *root = parsed(text);

    assert_string_equal(value_at(root, path), wanted);
    node_free(root);
    free(text);
}

/* --- what is found -------------------------------------------------------------------------------------------------
 */

static void
a_host_set_up_by_the_book_is_recognised_whole(void **state)
{
    struct deploy deploy = look(sample("join"));

    (void)state;
    assert_string_equal(deploy.compose, "docker-compose.yml");
    assert_true(deploy.config_env && deploy.tmkms && deploy.api);
    assert_true(deploy.homes[0].below && deploy.homes[1].below);
    assert_int_equal(deploy.homes[0].backups, 2);
    assert_int_equal(deploy.homes[1].backups, 0);
    assert_true(deploy.homes[0].disk_size > 0);
    assert_string_equal(deploy.api_port, "8000");
    assert_string_equal(deploy.key_name, "gonka-warm");
    assert_value(&deploy, "node/api", "http://127.0.0.1:8000");
    assert_value(&deploy, "plugins/backup-pruner/options/homes/0", "${node.deploy_dir}/.inference");
    assert_value(&deploy, "plugins/backup-pruner/options/homes/1", "${node.deploy_dir}/.dapi");
    assert_value(&deploy, "plugins/nats-ttl/options/streams/txs_to_send", "24h");
    deploy_done(&deploy);
}

static void
secrets_of_config_env_stay_where_they_are(void **state)
{
    struct deploy deploy = look(sample("join"));
    char         *text = manifest_of(&deploy, NULL);

    (void)state;
    assert_null(strstr(text, "correct-horse"));
    free(text);
    deploy_done(&deploy);
}

static void
published_ports_and_merged_files_are_followed(void **state)
{
    struct deploy deploy = look(sample("published"));

    (void)state;
    assert_string_equal(deploy.api_port, "8080"); /* the override file's, not that of config.env */
    assert_string_equal(deploy.key_name, "two words");
    assert_null(deploy.homes[0].path);
    assert_noted(&deploy, "published/.inference is not there yet");
    assert_value(&deploy, "plugins/nats-ttl/options/servers/0", "nats://127.0.0.1:15222");
    assert_value(&deploy, "plugins/backup-pruner/options/homes/0", "${node.deploy_dir}/.dapi");
    deploy_done(&deploy);
}

static void
homes_on_another_disk_are_found_by_the_compose_file(void **state)
{
    struct deploy deploy = look(sample("moved"));
    char         *real = realpath(sample("moved-disk/inference"), NULL);

    (void)state;
    assert_non_null(real);
    assert_false(deploy.homes[0].below);
    assert_value(&deploy, "plugins/backup-pruner/options/homes/0", real);
    assert_value(&deploy, "plugins/nats-ttl/options/servers/0", "nats://127.0.0.1:4222"); /* the host's network */
    assert_noted(&deploy, "/nowhere/dapi is not there yet");
    free(real);
    deploy_done(&deploy);
}

static void
files_that_make_no_sense_are_named_and_the_rest_is_used(void **state)
{
    struct deploy deploy = look(sample("broken"));
    char         *text = manifest_of(&deploy, NULL);

    (void)state;
    assert_noted(&deploy, "API_PORT of config.env is no port");
    assert_noted(&deploy, "docker-compose.yml was not understood (line 2");
    assert_null(deploy.key_name);
    assert_string_equal(deploy.api_port, "8000");
    assert_non_null(strstr(text, "  # Not used: no API container was found"));
    assert_value(&deploy, "plugins/backup-pruner/options/homes/0", "${node.deploy_dir}/.inference");
    free(text);
    deploy_done(&deploy);
}

static void
listen_at(const char *path, int *ret_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    *ret_fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(*ret_fd, (const struct sockaddr *)&address, sizeof(address)), 0);
}

static void
where_there_is_docker_the_container_is_asked_for(void **state)
{
    const struct folder *folder = *state;
    struct deploy        deploy;
    char                 url[PATH_MAX + 8];
    int                  fd;

    listen_at(inside(folder, "docker.sock"), &fd);
    (void)snprintf(url, sizeof(url), "unix://%s", inside(folder, "docker.sock"));
    (void)setenv("DOCKER_HOST", url, 1);
    deploy = look(sample("join"));
    assert_value(&deploy, "plugins/nats-ttl/options/servers/0", "docker://api:4222");
    assert_value(&deploy, "plugins/nats-ttl/options/docker_socket", inside(folder, "docker.sock"));
    deploy_done(&deploy);
    (void)close(fd);
}

static void
a_home_that_is_a_link_is_named_by_where_it_leads(void **state)
{
    const struct folder *folder = *state;
    struct deploy        deploy;

    make(folder, "disk $1");
    assert_int_equal(symlink("disk $1", inside(folder, ".inference")), 0);
    deploy = look(folder->path);
    assert_noted(&deploy, ".inference lies in ");
    /* a dollar is doubled, for values of plugins are expanded */
    assert_non_null(strstr(deploy.homes[0].path, "disk $1"));
    assert_value(&deploy, "plugins/backup-pruner/options/homes/0", inside(folder, "disk $$1"));
    deploy_done(&deploy);
}

static void
a_home_that_everybody_may_write_to_is_noted(void **state)
{
    const struct folder *folder = *state;
    struct deploy        deploy;

    make(folder, ".dapi");
    assert_int_equal(chmod(inside(folder, ".dapi"), 0777), 0);
    deploy = look(folder->path);
    assert_noted(&deploy, "chmod o-w");
    deploy_done(&deploy);
}

static void
a_home_that_cannot_be_read_is_noted(void **state)
{
    const struct folder *folder = *state;
    struct deploy        deploy;

    if (geteuid() != 0)
        skip(); /* needs a second user */
    make(folder, ".dapi");
    assert_int_equal(chmod(folder->path, 0755), 0);
    assert_int_equal(chmod(inside(folder, ".dapi"), 0700), 0);
    assert_int_equal(seteuid(65534), 0);
    deploy = look(folder->path);
    assert_int_equal(seteuid(0), 0);
    assert_noted(&deploy, "cannot be read");
    deploy_done(&deploy);
}

static void
a_link_to_a_deploy_directory_is_followed_and_noted(void **state)
{
    const struct folder *folder = *state;
    struct deploy        deploy;

    make(folder, "real");
    make(folder, "real/.dapi");
    assert_int_equal(symlink("real", inside(folder, "link")), 0);
    deploy = look(inside(folder, "link"));
    assert_noted(&deploy, "link is a symbolic link");
    assert_string_equal(deploy.dir, inside(folder, "real"));
    deploy_done(&deploy);
}

/* --- what is none --------------------------------------------------------------------------------------------------
 */

static void
what_is_no_deploy_directory_is_said_with_the_next_step(void **state)
{
    const struct folder *folder = *state;

    assert_refused(sample("nothing"), "does not look like a deploy directory: it has none of .inference");
    assert_refused(sample("mlnode"), "like a machine-learning host's");
    assert_refused(sample(""), "/join does: name that one");
    assert_refused(sample("join/.inference"), "/.. does: name that one");
    assert_refused(sample("join/config.env"), "is no folder: name the deploy directory");
    assert_refused(sample("join/config.env/x"), "a part of this name is a file");
    assert_refused(inside(folder, "none"), "No such file or directory: name the deploy directory");
    assert_refused("", "No such file or directory");
    assert_int_equal(symlink("gone", inside(folder, "dangling")), 0);
    assert_refused(inside(folder, "dangling"), "is a symbolic link to what is not there");
    assert_int_equal(symlink("loop", inside(folder, "loop")), 0);
    assert_refused(inside(folder, "loop"), "Too many levels of symbolic links");
}

static void
a_directory_that_may_not_be_read_is_said_with_the_next_step(void **state)
{
    const struct folder *folder = *state;
    struct deploy        deploy;
    char                 why[5000] = "";
    int                  r;

    if (geteuid() != 0)
        skip(); /* needs a second user */
    assert_int_equal(seteuid(65534), 0);
    r = deploy_look(folder->path, &deploy, why, sizeof(why));
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(r, -1);
    assert_non_null(strstr(why, "Permission denied: run init as a user who may read it"));
    deploy_done(&deploy);
}

static void
names_that_a_manifest_cannot_hold_are_refused(void **state)
{
    static const char *const names[] = {"line\nbreak",      "tab\t",    "escape\033[2J", "delete\177",
                                        "next\xc2\x85line", "latin\xe9"};
    const struct folder     *folder = *state;
    char                     below[64];

    for (size_t i = 0; i < COUNT(names); i++) {
        make(folder, names[i]);
        (void)snprintf(below, sizeof(below), "%s/.dapi", names[i]);
        make(folder, below);
        assert_refused(inside(folder, names[i]), "which a manifest cannot hold: rename it");
    }
}

static void
odd_names_come_back_from_the_manifest_as_they_were(void **state)
{
    static const char *const names[] = {"with space",
                                        " both ends ",
                                        "a: b",
                                        "#hash",
                                        "- dash",
                                        "'single'",
                                        "\"double\"",
                                        "back\\slash",
                                        "$dollar ${node.x} $$",
                                        "{flow}",
                                        "[list]",
                                        "&anchor",
                                        "*alias",
                                        "!tag",
                                        "%percent",
                                        "@at",
                                        "`tick`",
                                        "null",
                                        "ünïcode 世界",
                                        "\xe2\x80\xa8line\xe2\x80\xa9",
                                        "\xef\xbb\xbf-bom",
                                        "\\u0041"};
    const struct folder     *folder = *state;
    char                     below[64];

    for (size_t i = 0; i < COUNT(names); i++) {
        struct deploy deploy;

        make(folder, names[i]);
        (void)snprintf(below, sizeof(below), "%s/.dapi", names[i]);
        make(folder, below);
        deploy = look(inside(folder, names[i]));
        assert_value(&deploy, "node/deploy_dir", inside(folder, names[i]));
        deploy_done(&deploy);
    }
}

/* --- the manifest --------------------------------------------------------------------------------------------------
 */

static void
min_free_is_the_rule_of_thumb_where_the_disk_can_hold_it(void **state)
{
    (void)state;
    assert_int_equal(init_min_free(0), 250 * GB);
    assert_int_equal(init_min_free(4000 * GB), 250 * GB);
    assert_int_equal(init_min_free(625 * GB), 250 * GB);
    assert_int_equal(init_min_free(500 * GB), 200 * GB);
    assert_int_equal(init_min_free(100 * GB), 40 * GB);
    assert_int_equal(init_min_free(1), GB);
}

static void
plugins_that_are_not_used_are_comments_with_the_reason(void **state)
{
    struct deploy      deploy = look(sample("join"));
    struct option_desc options[] = {
        {.key = (char[]){"node"}, .type = GA_T_URL},
        {.key = (char[]){"node_home"}, .type = GA_T_PATH, .flags = GA_REQUIRED},
        {.key = (char[]){"work_dir"}, .type = GA_T_PATH, .flags = GA_REQUIRED, .help = (char[]){"a\nb"}},
        {.key = (char[]){"depth"}, .type = GA_T_INT}};
    struct plugin_desc        desc = {.name = (char[]){"one"},
                                      .summary = (char[]){"does\nit"},
                                      .needs = GA_NEEDS_GPU | GA_NEEDS_NETWORK,
                                      .options = options,
                                      .n_options = COUNT(options)};
    const struct desc_request others[] = {{.name = "one", .desc = &desc}, {.name = "two", .error = "no\nlibrary"}};
    const struct init_plugins none = {
        .nats_ttl = "it is\nnot: installed", .backup_pruner = "nor is it", .others = others, .n_others = COUNT(others)};
    char        *text = manifest_of(&deploy, &none);
    struct node *root = parsed(text);

    (void)state;
    assert_int_equal(node_get(root, "plugins")->count, 0);
    assert_non_null(strstr(text, "# Not used: it is?not: installed."));
    assert_non_null(strstr(text, "# Not used: nor is it."));
    assert_non_null(strstr(text, "  # one: # does?it\n"
                                 "  #   allow: [gpu, network]\n"
                                 "  #   options:\n"
                                 "  #     node: \"${node.api}\"\n"
                                 "  #     node_home: \"${node.deploy_dir}/.inference\"\n"
                                 "  #     work_dir: # needed: a?b\n"
                                 "  #\n"
                                 "  # two cannot be loaded: no?library\n"));
    node_free(root);
    free(text);
    deploy_done(&deploy);
}

static void
what_the_host_says_cannot_leave_its_comment(void **state)
{
    const struct folder *folder = *state;
    struct deploy        deploy;
    struct node         *root;
    char                *text;

    make(folder, ".dapi");
    put(folder, "config.env", "KEY_NAME=$'a\\\nb'\nKEY_NAME=\"x\xc2\x85plugins: {evil: 1}\"\n");
    put(folder, "compose.yml", "services: {api: {container_name: \"a\\nb: c\"}}\n");
    deploy = look(folder->path);
    text = manifest_of(&deploy, NULL);
    root = parsed(text);
    assert_null(node_get(node_get(root, "plugins"), "evil"));
    assert_null(strstr(text, "b: c"));
    node_free(root);
    free(text);
    deploy_done(&deploy);
}

int
main(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, init_make_folder, init_remove_folder)
    static const struct CMUnitTest tests[] = {
        WITH_FOLDER(a_host_set_up_by_the_book_is_recognised_whole),
        WITH_FOLDER(secrets_of_config_env_stay_where_they_are),
        WITH_FOLDER(published_ports_and_merged_files_are_followed),
        WITH_FOLDER(homes_on_another_disk_are_found_by_the_compose_file),
        WITH_FOLDER(files_that_make_no_sense_are_named_and_the_rest_is_used),
        WITH_FOLDER(where_there_is_docker_the_container_is_asked_for),
        WITH_FOLDER(a_home_that_is_a_link_is_named_by_where_it_leads),
        WITH_FOLDER(a_home_that_everybody_may_write_to_is_noted),
        WITH_FOLDER(a_home_that_cannot_be_read_is_noted),
        WITH_FOLDER(a_link_to_a_deploy_directory_is_followed_and_noted),
        WITH_FOLDER(what_is_no_deploy_directory_is_said_with_the_next_step),
        WITH_FOLDER(a_directory_that_may_not_be_read_is_said_with_the_next_step),
        WITH_FOLDER(names_that_a_manifest_cannot_hold_are_refused),
        WITH_FOLDER(odd_names_come_back_from_the_manifest_as_they_were),
        WITH_FOLDER(min_free_is_the_rule_of_thumb_where_the_disk_can_hold_it),
        WITH_FOLDER(plugins_that_are_not_used_are_comments_with_the_reason),
        WITH_FOLDER(what_the_host_says_cannot_leave_its_comment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
