/* init_manifest.c: the manifest that `init` writes. */
#include "agent/init_manifest.h"

#include "gonka-agent/plugin.h"
#include "kit/text.h"
#include "kit/units.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define GB UINT64_C(1000000000)
#define RULE_OF_THUMB (250 * GB) /* free space before an upgrade, says the network's FAQ */

void
init_quoted(FILE *out, const char *text, bool dollars)
{
    (void)fputc('"', out);
    for (; *text; text++) {
        const unsigned char *at = (const unsigned char *)text;

        if (at[0] == 0xe2 && at[1] == 0x80 && (at[2] == 0xa8 || at[2] == 0xa9)) {
            (void)fputs(at[2] == 0xa8 ? "\\L" : "\\P", out); /* line breaks to YAML, which it would fold */
            text += 2;
        } else if (at[0] == 0xef && at[1] == 0xbb && at[2] == 0xbf) {
            (void)fputs("\\uFEFF", out);
            text += 2;
        } else {
            if (*text == '"' || *text == '\\')
                (void)fputc('\\', out);
            if (*text == '$' && dollars)
                (void)fputc('$', out);
            (void)fputc(*text, out);
        }
    }
    (void)fputc('"', out);
}

/* Bytes of the character at `text`, 0 for what could end a line or steer a terminal. */
static size_t
plain_len(const char *text)
{
    static const char *const breaks[] = {"\xe2\x80\xa8", "\xe2\x80\xa9", "\xef\xbb\xbf"};
    size_t                   n = ga_utf8_len(text, strlen(text));

    if (n == 1)
        return (unsigned char)*text >= 0x20 && *text != 0x7f;
    if (n == 2 && (unsigned char)*text == 0xc2 && (unsigned char)text[1] < 0xa0)
        return 0;
    for (size_t i = 0; n == 3 && i < sizeof(breaks) / sizeof(breaks[0]); i++)
        if (strncmp(text, breaks[i], 3) == 0)
            return 0;
    return n;
}

/* Text of the host in a comment. */
static void
put_comment(FILE *out, const char *text)
{
    while (*text) {
        size_t n = plain_len(text);

        if (n > 0)
            (void)fwrite(text, 1, n, out);
        else
            (void)fputc('?', out);
        text += n > 0 ? n : 1;
    }
}

uint64_t
init_min_free(uint64_t disk_size)
{
    uint64_t part = disk_size / 5 * 2 / GB * GB;

    if (disk_size == 0 || part >= RULE_OF_THUMB)
        return RULE_OF_THUMB;
    return part > GB ? part : GB;
}

/* --- head ----------------------------------------------------------------------------------------------------------
 */

static void
put_home_found(FILE *out, const struct deploy_home *home)
{
    char size[64];
    char free_space[64];

    (void)fprintf(out, "#   %-12s ", home->name);
    if (!home->path) {
        (void)fputs("not found\n", out);
        return;
    }
    if (home->below)
        (void)fputs("found", out);
    else
        put_comment(out, home->path);
    (void)fprintf(out, ", %u upgrade backup%s", home->backups, home->backups == 1 ? "" : "s");
    (void)ga_format_size(home->disk_size, size, sizeof(size));
    (void)ga_format_size(home->disk_free, free_space, sizeof(free_space));
    if (home->disk_size > 0)
        (void)fprintf(out, "; disk %s, %s free", size, free_space);
    (void)fputc('\n', out);
}

static void
put_found(FILE *out, const struct deploy *deploy)
{
    const cJSON *text;

    (void)fputs("# Manifest of gonka-agent, written by `gonka-agent init` from what it found in\n# ", out);
    put_comment(out, deploy->dir);
    (void)fprintf(out, "\n#   %-12s %s\n#   %-12s %s", "compose file", deploy->compose ? deploy->compose : "not found",
                  "config.env", deploy->config_env ? "found" : "not found");
    if (deploy->key_name) {
        (void)fputs(", warm key ", out);
        put_comment(out, deploy->key_name);
    }
    (void)fprintf(out, "\n#   %-12s %s\n", ".tmkms", deploy->tmkms ? "found" : "not found");
    for (size_t i = 0; i < DEPLOY_HOMES; i++)
        put_home_found(out, &deploy->homes[i]);
    cJSON_ArrayForEach(text, deploy->notes)
    {
        (void)fputs("# Note: ", out);
        put_comment(out, text->valuestring);
        (void)fputs(".\n", out);
    }
    (void)fputs("# Look through it, then: gonka-agent check, gonka-agent plan (changes nothing), start the daemon.\n",
                out);
}

static void
put_agent(FILE *out, const struct deploy *deploy, const struct init_plugins *plugins)
{
    (void)fputs("\nagent:\n  state_dir: /var/lib/gonka-agent # state of the plugins and the journal\n", out);
    if (plugins->dir) {
        (void)fputs("  plugin_dir: ", out);
        init_quoted(out, plugins->dir, true);
        (void)fputs(" # of --plugin-dir; leave it out once they are installed\n", out);
    }
    (void)fputs("\nnode: # facts about this host, for ${node.NAME} below\n  deploy_dir: ", out);
    init_quoted(out, deploy->dir, false);
    (void)fprintf(out, "\n  api: \"http://127.0.0.1:%s\" # the proxy; port: %s\n", deploy->api_port,
                  deploy->api_port_from);
}

/* --- plugins -------------------------------------------------------------------------------------------------------
 */

/* The lines of a plugin that cannot be used here are comments: `mark` is "" or "# ". */
static const char *
put_about(FILE *out, const char *about, const char *why)
{
    (void)fprintf(out, "\n  # %s\n", about);
    if (!why)
        return "";
    (void)fputs("  # Not used: ", out);
    put_comment(out, why);
    (void)fputs(".\n", out);
    return "# ";
}

static void
put_nats(FILE *out, const struct deploy *deploy, const char *why)
{
    const char *mark = put_about(out, "Keeps messages of the API container's NATS streams from living for ever.", why);
    const char *server = deploy->nats_server ? deploy->nats_server : "nats://127.0.0.1:4222";

    (void)fprintf(out, "  %snats-ttl:\n  %s  options:\n  %s    # %s\n  %s    servers: [", mark, mark, mark,
                  deploy->nats_why, mark);
    init_quoted(out, server, true);
    (void)fputs("]\n", out);
    if (strncmp(server, "docker:", 7) == 0 && deploy->docker_socket) {
        (void)fprintf(out, "  %s    docker_socket: ", mark);
        init_quoted(out, deploy->docker_socket, true);
        (void)fputs(" # the agent's user must be allowed to use it\n", out);
    }
    (void)fprintf(out, "  %s    streams: {txs_to_send: 24h, txs_to_observe: 24h}\n", mark);
}

static void
put_homes(FILE *out, const struct deploy *deploy)
{
    const char *between = "";

    for (size_t i = 0; i < DEPLOY_HOMES; i++) {
        const struct deploy_home *home = &deploy->homes[i];

        if (!home->path)
            continue;
        (void)fputs(between, out);
        if (home->below)
            (void)fprintf(out, "\"${node.deploy_dir}/%s\"", home->name);
        else
            init_quoted(out, home->path, true);
        between = ", ";
    }
    if (!*between)
        (void)fputs("\"${node.deploy_dir}/.inference\"", out);
}

static void
put_pruner(FILE *out, const struct deploy *deploy, const char *why)
{
    uint64_t    disk = deploy->homes[0].path ? deploy->homes[0].disk_size : deploy->homes[1].disk_size;
    uint64_t    min_free = init_min_free(disk);
    const char *mark =
        put_about(out, "Frees the disk of old full copies that cosmovisor makes at each upgrade.",
                  why                                              ? why
                  : deploy->homes[0].path || deploy->homes[1].path ? NULL
                                                                   : "there is neither .inference nor .dapi yet");
    char size[64];

    (void)fprintf(out, "  %sbackup-pruner:\n  %s  options:\n  %s    homes: [", mark, mark, mark);
    put_homes(out, deploy);
    (void)fprintf(out, "]\n  %s    keep: 1 # newest good copies that always stay, in each home\n", mark);
    (void)fprintf(out, "  %s    min_free: %" PRIu64 "GB # older good copies go while less is free\n", mark,
                  min_free / GB);
    if (min_free < RULE_OF_THUMB)
        (void)fprintf(out,
                      "  # 250GB is the network's rule of thumb before an upgrade; this disk has %s in all, so an\n"
                      "  # upgrade may not fit: `gonka-agent run backup-pruner forecast` tells.\n",
                      ga_format_size(disk, size, sizeof(size)));
}

/* --- further plugins: nothing is known of them but what they say of themselves ------------------------------------
 */

/* Which home an option is for by its name; DEPLOY_HOMES: none. */
static size_t
home_of(const struct option_desc *option)
{
    if (strcmp(option->key, "node_home") == 0)
        return 0;
    return strcmp(option->key, "api_home") == 0 ? 1 : DEPLOY_HOMES;
}

/* What this host has for an option of that name, as YAML; NULL when it has nothing. Freed by the caller. */
static char *
known(const struct deploy *deploy, const struct option_desc *option)
{
    const struct deploy_home *home = home_of(option) < DEPLOY_HOMES ? &deploy->homes[home_of(option)] : NULL;
    char                     *text = NULL;
    size_t                    len = 0;
    FILE                     *out;

    if (option->type == GA_T_URL && strcmp(option->key, "node") == 0)
        return strdup("\"${node.api}\"");
    if (option->type != GA_T_PATH)
        return NULL;
    if (strcmp(option->key, "deploy_dir") == 0)
        return strdup("\"${node.deploy_dir}\"");
    if (!home || !home->path)
        return NULL;
    out = open_memstream(&text, &len);
    if (!out)
        return NULL;
    if (home->below)
        (void)fprintf(out, "\"${node.deploy_dir}/%s\"", home->name);
    else
        init_quoted(out, home->path, true);
    (void)fclose(out);
    return text;
}

/* The options that it cannot do without, and those whose value is known. */
static void
put_options(FILE *out, const struct deploy *deploy, const struct plugin_desc *desc)
{
    const char *head = "  #   options:\n";

    for (size_t i = 0; i < desc->n_options; i++) {
        const struct option_desc *option = &desc->options[i];
        char                     *value = known(deploy, option);

        if (!value && !(option->flags & GA_REQUIRED))
            continue;
        (void)fprintf(out, "%s  #     %s: %s", head, option->key, value ? value : "# needed: ");
        if (!value)
            put_comment(out, option->help ? option->help : "");
        (void)fputc('\n', out);
        free(value);
        head = "";
    }
}

static void
put_other(FILE *out, const struct deploy *deploy, const struct desc_request *other)
{
    const struct plugin_desc *desc = other->desc;

    (void)fputs("  #\n  # ", out);
    if (!desc) {
        put_comment(out, other->name);
        (void)fputs(" cannot be loaded: ", out);
        put_comment(out, other->error);
        (void)fputc('\n', out);
        return;
    }
    (void)fprintf(out, "%s: # ", desc->name);
    put_comment(out, desc->summary ? desc->summary : "");
    (void)fputc('\n', out);
    if (desc->needs & (GA_NEEDS_GPU | GA_NEEDS_NETWORK))
        (void)fprintf(out, "  #   allow: [%s%s%s]\n", desc->needs & GA_NEEDS_GPU ? "gpu" : "",
                      desc->needs == (GA_NEEDS_GPU | GA_NEEDS_NETWORK) ? ", " : "",
                      desc->needs & GA_NEEDS_NETWORK ? "network" : "");
    put_options(out, deploy, desc);
}

static void
put_others(FILE *out, const struct deploy *deploy, const struct init_plugins *plugins)
{
    if (plugins->n_others == 0)
        return;
    (void)fputs(
        "\n  # Also installed, and not used until the marks (\"# \") before one are taken away; then: check, plan.\n"
        "  # `gonka-agent plugins NAME` has every option and task of it.\n",
        out);
    for (size_t i = 0; i < plugins->n_others; i++)
        put_other(out, deploy, &plugins->others[i]);
}

void
init_manifest(FILE *out, const struct deploy *deploy, const struct init_plugins *plugins)
{
    const char *no_nats = plugins->nats_ttl ? plugins->nats_ttl
                          : !deploy->api    ? "no API container was found, in which NATS would run"
                                            : NULL;
    bool        pruner = !plugins->backup_pruner && (deploy->homes[0].path || deploy->homes[1].path);

    put_found(out, deploy);
    put_agent(out, deploy, plugins);
    (void)fputs(!no_nats || pruner ? "\nplugins: # those named here are used\n"
                                   : "\nplugins: {} # none can be used so far; write `plugins:` when one can\n",
                out);
    put_nats(out, deploy, no_nats);
    put_pruner(out, deploy, plugins->backup_pruner);
    put_others(out, deploy, plugins);
}
