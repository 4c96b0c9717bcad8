/* cli_init.c: `init`: looks at a host and writes a commented manifest for it. */
#include "agent/cli.h"
#include "agent/commands.h"
#include "agent/compile.h"
#include "agent/deploy.h"
#include "agent/print.h"
#include "kit/files.h"
#include "kit/text.h"
#include "kit/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A value in double quotes, as YAML reads it back. */
static void
put_quoted(FILE *out, const char *text)
{
    (void)fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            (void)fputc('\\', out);
        (void)fputc(*text, out);
    }
    (void)fputc('"', out);
}

static void
put_head(FILE *out, const struct deploy *deploy)
{
    char size[64];
    char free_space[64];

    (void)fprintf(out, "# Manifest of gonka-agent, written by `gonka-agent init` from what it found here:\n");
    (void)fprintf(out, "#   docker-compose.yml %s, config.env %s, .inference %s, .dapi %s, .tmkms %s\n",
                  deploy->compose ? "yes" : "no", deploy->config_env ? "yes" : "no", deploy->inference ? "yes" : "no",
                  deploy->dapi ? "yes" : "no", deploy->tmkms ? "yes" : "no");
    (void)ga_format_size(deploy->disk_size, size, sizeof(size));
    (void)ga_format_size(deploy->disk_free, free_space, sizeof(free_space));
    if (deploy->disk_size > 0)
        (void)fprintf(out, "#   disk %s, %s free; %u upgrade backup(s)\n", size, free_space, deploy->backups);
    (void)fputs(
        "# Look through it, then: gonka-agent check, gonka-agent plan (changes nothing), and start the daemon.\n\n",
        out);
    (void)fputs("agent:\n  state_dir: /var/lib/gonka-agent\n\nnode: # facts about this host, for ${node.NAME} below\n  "
                "deploy_dir: ",
                out);
    put_quoted(out, deploy->dir);
    (void)fprintf(out, "\n  api: http://127.0.0.1:%s # the proxy; API_PORT of config.env\n\n", deploy->api_port);
}

/* Lines of a plugin that cannot be used here are comments: `mark` is "" or "# ". */
static void
put_nats(FILE *out, const struct deploy *deploy, const char *mark, const char *why)
{
    (void)fprintf(out, "\n  # Keeps messages of the API container's NATS streams from living for ever.\n");
    if (*mark)
        (void)fprintf(out, "  # Not used: %s.\n", why);
    (void)fprintf(out, "  %snats-ttl:\n  %s  options:\n", mark, mark);
    if (deploy->docker_socket)
        (void)fprintf(
            out, "  %s    servers: [\"docker://api:4222\"] # the container's address is asked of Docker each time\n",
            mark);
    else
        (void)fprintf(
            out,
            "  %s    servers: [\"nats://127.0.0.1:4222\"] # no Docker socket here: publish the port 4222 of the "
            "container on 127.0.0.1\n",
            mark);
    (void)fprintf(out, "  %s    streams: {txs_to_send: 24h, txs_to_observe: 24h}\n", mark);
}

static void
put_pruner(FILE *out, const struct deploy *deploy, const char *mark, const char *why)
{
    (void)fprintf(out, "\n  # Frees the disk of old full copies that cosmovisor makes at each upgrade.\n");
    if (*mark)
        (void)fprintf(out, "  # Not used: %s.\n", why);
    (void)fprintf(out, "  %sbackup-pruner:\n  %s  options:\n  %s    homes: [", mark, mark, mark);
    if (deploy->inference || !deploy->dapi)
        (void)fputs("\"${node.deploy_dir}/.inference\"", out);
    if (deploy->dapi)
        (void)fprintf(out, "%s\"${node.deploy_dir}/.dapi\"", deploy->inference ? ", " : "");
    (void)fprintf(out, "]\n  %s    keep: 1 # good copies that always stay, in each home\n", mark);
    (void)fprintf(
        out, "  %s    min_free: 250GB # older good copies go when less is free; an upgrade needs about that much\n",
        mark);
}

static bool
is_installed(const struct cli *cli, const char *name)
{
    char *file = compile_find_plugin(name, cli->plugin_dir, PLUGIN_DIR);
    bool  found = file != NULL;

    free(file);
    return found;
}

static void
put_manifest(FILE *out, const struct cli *cli, const struct deploy *deploy)
{
    bool pruner = is_installed(cli, "backup-pruner");
    bool nats = is_installed(cli, "nats-ttl");
    bool homes = deploy->inference || deploy->dapi;

    put_head(out, deploy);
    (void)fputs(nats || (pruner && homes) ? "plugins:\n" : "plugins: {}\n", out);
    put_nats(out, deploy, nats ? "" : "# ", "the plugin is not installed");
    put_pruner(out, deploy, pruner && homes ? "" : "# ",
               homes ? "the plugin is not installed" : "there is neither .inference nor .dapi yet");
}

static int
write_new(const char *path, const char *text, size_t len)
{
    char        why[512];
    struct stat st;

    if (lstat(path, &st) == 0) {
        (void)fprintf(stderr, "gonka-agent init: %s is there already: name another file, or move it away first\n",
                      path);
        return EXIT_REFUSED;
    }
    if (ga_file_write(path, text, len, 0640, why, sizeof(why)) < 0) {
        (void)fprintf(stderr, "gonka-agent init: %s\n", why);
        return EXIT_FAILED;
    }
    (void)fprintf(stderr, "wrote %s; next: gonka-agent check -c %s\n", path, path);
    return 0;
}

static void
print_found(const struct deploy *deploy, const char *manifest)
{
    cJSON *json = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(json, "deploy_dir", deploy->dir);
    (void)cJSON_AddBoolToObject(json, "compose", deploy->compose);
    (void)cJSON_AddBoolToObject(json, "config_env", deploy->config_env);
    (void)cJSON_AddBoolToObject(json, "inference", deploy->inference);
    (void)cJSON_AddBoolToObject(json, "dapi", deploy->dapi);
    (void)cJSON_AddBoolToObject(json, "tmkms", deploy->tmkms);
    (void)cJSON_AddBoolToObject(json, "docker_socket", deploy->docker_socket);
    (void)cJSON_AddNumberToObject(json, "backups", deploy->backups);
    (void)cJSON_AddStringToObject(json, "manifest", manifest);
    print_json(stdout, json);
    cJSON_Delete(json);
}

static bool
writable_name(const char *name)
{
    for (size_t left = strlen(name), n; left > 0; name += n, left -= n) {
        n = ga_utf8_len(name, left);
        if (n == 0 || (unsigned char)*name < 0x20 || *name == 0x7f)
            return false;
    }
    return true;
}

int
cli_init(struct cli *cli)
{
    struct command_words words;
    struct deploy        deploy;
    char                 why[512];
    char                *text = NULL;
    size_t               len = 0;
    FILE                *out;
    const char          *output;
    int                  r = command_parse("init", cli->argc, cli->argv, &words);

    if (r != 0)
        return r;
    if (deploy_look(words.n_words ? words.word[0] : NULL, &deploy, why, sizeof(why)) < 0) {
        (void)fprintf(stderr, "gonka-agent init: %s\n", why);
        return EXIT_FAILED;
    }
    if (!writable_name(deploy.dir)) {
        (void)fprintf(stderr,
                      "gonka-agent init: the deploy directory's name has control characters or is no UTF-8, which a "
                      "manifest cannot hold: rename it\n");
        deploy_done(&deploy);
        return EXIT_REFUSED;
    }
    out = open_memstream(&text, &len);
    if (out) {
        put_manifest(out, cli, &deploy);
        (void)fclose(out);
    }
    output = command_option("init", &words, "output");
    if (!text)
        r = EXIT_FAILED;
    else if (output)
        r = write_new(output, text, len);
    else if (!cli->json)
        (void)fputs(text, stdout);
    if (text && cli->json && r == 0)
        print_found(&deploy, text);
    free(text);
    deploy_done(&deploy);
    return r;
}
