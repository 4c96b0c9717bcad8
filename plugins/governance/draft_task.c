/* draft_task.c: proposal files, made from what the chain has now and from archives that are here. */
#include "plugins/governance/draft.h"
#include "plugins/governance/tasks.h"

#include "kit/clean.h"
#include "kit/files.h"
#include "kit/json.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARCHIVES_MAX 16
#define SHA256 65
#define WHY 500

struct drafting {
    struct gov_chain  *chain;
    struct gov_draft   draft;
    cJSON             *params; /* of governance, as the chain has them */
    cJSON             *file;
    struct gov_changes changes;
    char               note[300];
    char               why[WHY];
    char               path[4200]; /* of what was written; "" for nothing */
};

/* --- a change of parameters
 * -------------------------------------------------------------------------------------------- */

static int
draft_params(struct drafting *drafting)
{
    struct gov_chain     *chain = drafting->chain;
    const struct ga_host *host = chain->host;
    struct ga_run        *run = chain->run;
    const char           *module = host->str(run, "module");
    struct gov_setting    settings[64];
    size_t                n = host->count(run, "set");
    cJSON                *current = NULL;
    char                  type[96];
    char                  path[160];
    int                   r;

    if (!module || n == 0 || n > sizeof(settings) / sizeof(*settings)) {
        (void)snprintf(drafting->why, WHY,
                       "give module=inference.inference and set='{epoch_params.epoch_length: \"15391\"}'");
        return GA_REFUSED;
    }
    if (gov_params_path(module, path, sizeof(path)) < 0) {
        (void)snprintf(drafting->why, WHY,
                       "where the parameters of %.60s are asked for is not known: the module by its full name, as "
                       "inference.inference or cosmos.slashing.v1beta1",
                       module);
        return GA_REFUSED;
    }
    if (gov_ask(chain, "the parameters of now", path, gov_all_matters, &current, drafting->why, WHY) != GOV_KNOWN)
        return GA_UNKNOWN;
    for (size_t i = 0; i < n; i++)
        settings[i] = (struct gov_setting){host->map_key(run, "set", i), host->str_at(run, "set", i)};
    (void)snprintf(type, sizeof(type), "/%.70s.MsgUpdateParams", module);
    r = gov_draft_params(&drafting->draft, type, current, settings, n, &drafting->file, &drafting->changes,
                         drafting->why, WHY);
    cJSON_Delete(current);
    return r == 0 ? GA_OK : r == -EINVAL ? GA_REFUSED : GA_FAILED;
}

/* --- an upgrade
 * -------------------------------------------------------------------------------------------------------- */

/* 0, or -errno. */
static int
sha256_of(const char *path, char ret[SHA256])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char          buf[65536];
    EVP_MD_CTX   *context = EVP_MD_CTX_new();
    int           fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t       got = 1;
    int           r = fd < 0 ? -errno : 0;
    int           ok = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;

    while (r == 0 && ok && (got = read(fd, buf, sizeof(buf))) > 0)
        ok = EVP_DigestUpdate(context, buf, (size_t)got) == 1;
    if (r == 0 && got < 0)
        r = -errno;
    if (r == 0 && (!ok || EVP_DigestFinal_ex(context, digest, NULL) != 1))
        r = -ENOMEM;
    for (size_t i = 0; r == 0 && i < 32; i++)
        (void)snprintf(ret + 2 * i, 3, "%02x", digest[i]);
    if (fd >= 0)
        (void)close(fd);
    EVP_MD_CTX_free(context);
    return r;
}

struct map {
    struct gov_archive list[ARCHIVES_MAX];
    char               sums[ARCHIVES_MAX][SHA256];
    size_t             n;
};

/* URLs of one map, each with the checksum of the archive that is here for the same platform. An outcome. */
static int
read_map(struct drafting *drafting, const char *urls, const char *archives, struct map *ret)
{
    const struct ga_host *host = drafting->chain->host;
    struct ga_run        *run = drafting->chain->run;

    for (size_t i = 0; i < host->count(run, urls) && ret->n < ARCHIVES_MAX; i++) {
        const char *platform = host->map_key(run, urls, i);
        const char *path = NULL;
        int         r;

        for (size_t k = 0; k < host->count(run, archives); k++)
            if (strcmp(host->map_key(run, archives, k), platform) == 0)
                path = host->str_at(run, archives, k);
        if (!path) {
            (void)snprintf(drafting->why, WHY,
                           "%s has %.40s, %s has not: give the archive, its checksum is computed from it", urls,
                           platform, archives);
            return GA_REFUSED;
        }
        r = sha256_of(path, ret->sums[ret->n]);
        if (r < 0) {
            (void)snprintf(drafting->why, WHY, "%.300s: %s", path, strerrordesc_np(-r));
            return GA_FAILED;
        }
        ret->list[ret->n] = (struct gov_archive){platform, host->str_at(run, urls, i), ret->sums[ret->n]};
        ret->n++;
    }
    return GA_OK;
}

static int
draft_upgrade(struct drafting *drafting)
{
    const struct ga_host   *host = drafting->chain->host;
    struct ga_run          *run = drafting->chain->run;
    struct map              node = {.n = 0};
    struct map              api = {.n = 0};
    struct gov_upgrade_plan plan = {.name = host->str(run, "name"),
                                    .height = host->num(run, "height"),
                                    .current_height = drafting->chain->quorum.height,
                                    .node_version = host->str(run, "node_version")};
    int                     outcome;

    if (!plan.name) {
        (void)snprintf(drafting->why, WHY,
                       "give name=, height=, node_urls=, node_archives=, api_urls= and api_archives=");
        return GA_REFUSED;
    }
    outcome = read_map(drafting, "node_urls", "node_archives", &node);
    if (outcome == GA_OK)
        outcome = read_map(drafting, "api_urls", "api_archives", &api);
    if (outcome != GA_OK)
        return outcome;
    plan.node = (struct gov_archives){node.list, node.n};
    plan.api = (struct gov_archives){api.list, api.n};
    switch (gov_draft_upgrade(&drafting->draft, &plan, &drafting->file, drafting->why, WHY)) {
    case 0:
        return GA_OK;
    case -EINVAL:
        return GA_REFUSED;
    default:
        return GA_FAILED;
    }
}

/* --- the file
 * ---------------------------------------------------------------------------------------------------------- */

static int
write_file(struct drafting *drafting, const char *text)
{
    const struct ga_host *host = drafting->chain->host;
    struct ga_run        *run = drafting->chain->run;
    const char           *folder = host->str(run, "drafts_dir");
    const char           *name = host->str(run, strcmp(host->str(run, "kind"), "params") == 0 ? "module" : "name");
    char                  problem[300];
    int                   answer;

    if (!folder)
        return GA_OK;
    (void)snprintf(drafting->path, sizeof(drafting->path), "%.4000s/draft-%s-%.80s.json", folder,
                   host->str(run, "kind"), name);
    if (faccessat(AT_FDCWD, drafting->path, F_OK, AT_SYMLINK_NOFOLLOW) ==
        0) { /* somebody may have written more into it */
        (void)snprintf(drafting->why, WHY, "%.400s is there already: move it away", drafting->path);
        return GA_REFUSED;
    }
    answer = host->act(run, "write-draft", drafting->path, NULL);
    if (answer == GA_ACT_REFUSED) {
        (void)snprintf(drafting->why, WHY, "%s", host->act_why(run));
        return GA_REFUSED;
    }
    if (answer == GA_ACT_DRY)
        return GA_CHANGED;
    if (ga_file_write(drafting->path, text, strlen(text), 0644, problem, sizeof(problem)) < 0) {
        host->acted(run, 0, problem);
        (void)snprintf(drafting->why, WHY, "%s", problem);
        return GA_FAILED;
    }
    host->acted(run, 1, "written");
    return GA_CHANGED;
}

static void
give(struct drafting *drafting, const char *text)
{
    struct gov_chain *chain = drafting->chain;
    cJSON            *json = cJSON_CreateObject();
    char             *changes = gov_changes_text(&drafting->changes);
    char             *page = NULL;
    size_t            len = 0;
    FILE             *out = open_memstream(&page, &len);
    const char       *file = *drafting->path ? drafting->path : "proposal.json";

    (void)cJSON_AddItemToObject(json, "draft", cJSON_Duplicate(drafting->file, 1));
    (void)cJSON_AddStringToObject(json, "changes", changes ? changes : "");
    (void)cJSON_AddStringToObject(json, "note", drafting->note);
    (void)cJSON_AddStringToObject(json, "path", drafting->path);
    gov_give(chain->run, chain->host, json);
    if (out) {
        if (changes && *changes)
            (void)fprintf(out, "changes:\n%s\n", changes);
        (void)fprintf(out, "%s\n", text);
        if (*drafting->note)
            (void)fprintf(out, "\nnote: %s\n", drafting->note);
        (void)fprintf(out,
                      "\nput it into %s (if it is not there) and submit it where the cold key is:\n"
                      "inferenced tx gov submit-proposal %s --from KEY --keyring-backend file --unordered "
                      "--timeout-duration=60s --gas=2000000 --gas-adjustment=5.0 --node %s/ --chain-id %s --yes\n",
                      file, file, chain->setup.sources[0].rpc, chain->quorum.chain_id);
        if (fclose(out) == 0)
            chain->host->text(chain->run, page);
        free(page);
    }
    free(changes);
}

static int
make(struct drafting *drafting)
{
    const struct ga_host  *host = drafting->chain->host;
    struct ga_run         *run = drafting->chain->run;
    struct gov_tally_rules rules;
    char                  *text;
    int                    outcome;

    if (gov_look_rules(drafting->chain, &rules, &drafting->params, drafting->why, WHY) != GOV_KNOWN)
        return GA_UNKNOWN;
    outcome =
        gov_draft_check(&drafting->draft, drafting->params, drafting->note, sizeof(drafting->note), drafting->why, WHY);
    if (outcome < 0)
        return outcome == -EINVAL ? GA_REFUSED : GA_UNKNOWN;
    outcome = strcmp(host->str(run, "kind"), "params") == 0 ? draft_params(drafting) : draft_upgrade(drafting);
    if (outcome != GA_OK)
        return outcome;
    text = cJSON_Print(drafting->file);
    outcome = text ? write_file(drafting, text) : GA_FAILED;
    if (text && outcome != GA_FAILED && outcome != GA_REFUSED)
        give(drafting, text);
    cJSON_free(text);
    return outcome;
}

int
gov_draft_task(struct ga_run *run, const struct ga_host *host)
{
    static struct gov_chain chain;
    static struct drafting  drafting;
    int                     outcome = gov_chain_open(&chain, run, host);

    if (outcome != GA_OK)
        return outcome;
    drafting.chain = &chain;
    drafting.draft = (struct gov_draft){.title = host->str(run, "title"),
                                        .summary = host->str(run, "summary"),
                                        .metadata = host->str(run, "metadata"),
                                        .deposit = host->str(run, "deposit"),
                                        .expedited = host->num(run, "expedited") != 0};
    outcome = make(&drafting);
    cJSON_Delete(drafting.params);
    cJSON_Delete(drafting.file);
    gov_changes_free(&drafting.changes);
    (void)ga_clean(drafting.why);
    if (outcome == GA_OK || outcome == GA_CHANGED)
        return host->end(run, outcome, "the draft is valid%s%s%s%s", *drafting.path ? ": " : "", drafting.path,
                         *drafting.note ? "; " : "", drafting.note);
    return host->end(run, outcome, "no draft: %s", drafting.why);
}
