/* recover_task.c: the task `recover-key`. It reads and prints; a person does the rest. */
#include "plugins/validator/recover.h"
#include "plugins/validator/tasks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *
option(struct ga_run *run, const struct ga_host *host, const char *key)
{
    return host->has(run, key) ? host->str(run, key) : NULL;
}

/* The checks and the steps as text; NULL without memory. */
static char *
print(const struct val_seen *seen, const struct val_site *site, const struct val_checks *checks, int warm)
{
    char  *text = NULL;
    size_t len = 0;
    FILE  *out = open_memstream(&text, &len);

    if (!out)
        return NULL;
    (void)fprintf(out, "%s of %s\n", warm ? "the warm key" : "the consensus key", seen->account);
    for (size_t i = 0; i < checks->n; i++)
        (void)fprintf(out, "  %-8s %s\n", val_light_name(checks->list[i].light), checks->list[i].text);
    (warm ? val_print_warm : val_print_consensus)(out, seen, site);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

static int
conclude(struct ga_run *run, const struct ga_host *host, const struct val_seen *seen, const struct val_site *site,
         int warm)
{
    struct val_checks checks;
    cJSON            *json = cJSON_CreateObject();
    cJSON            *list;
    const char       *against = NULL;
    char             *text;
    int               verdict;

    (warm ? val_check_warm : val_check_consensus)(seen, &checks);
    verdict = val_checks_verdict(&checks);
    val_report_seen(json, seen);
    (void)cJSON_AddStringToObject(json, "which", warm ? "warm" : "consensus");
    list = cJSON_AddArrayToObject(json, "checks");
    for (size_t i = 0; i < checks.n; i++) {
        cJSON *entry = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(entry, "light", val_light_name(checks.list[i].light));
        (void)cJSON_AddStringToObject(entry, "text", checks.list[i].text);
        (void)cJSON_AddItemToArray(list, entry);
        if (!against && checks.list[i].light == (verdict == GA_REFUSED ? VAL_LIGHT_NO : VAL_LIGHT_UNKNOWN))
            against = checks.list[i].text;
    }
    text = print(seen, site, &checks, warm);
    (void)cJSON_AddStringToObject(json, "procedure", text ? text : "");
    val_report_give(run, host, json);
    if (text)
        host->text(run, text);
    free(text);
    if (verdict == GA_OK)
        return host->end(run, GA_OK, "the procedure is printed; nothing was changed");
    return host->end(run, verdict, "%s: %s", verdict == GA_REFUSED ? "do not follow the procedure" : "not all is known",
                     against ? against : "");
}

int
val_recover_key(struct ga_run *run, const struct ga_host *host)
{
    static struct val_chain chain;
    static struct val_seen  seen;
    char                    why[VAL_WHY] = "";
    char                    node[GA_CHAIN_URL_MAX + 2];
    struct val_site         site = {.deploy_dir = option(run, host, "deploy_dir"),
                                    .key = option(run, host, "key"),
                                    .backend = host->str(run, "keyring_backend"),
                                    .chain_id = host->str(run, "chain_id"),
                                    .container = host->str(run, "signer_container"),
                                    .warm = option(run, host, "warm")};

    if (val_look_start(run, host, &chain, &seen, why) < 0)
        return host->end(run, GA_REFUSED, "%s", why);
    val_look(run, host, &chain, VAL_LOOK_MONEY, &seen);
    if (host->cancelled(run))
        return host->end(run, GA_UNKNOWN, "the run was cancelled");
    (void)snprintf(node, sizeof(node), "%s/", chain.setup.sources[0].rpc);
    site.node = option(run, host, "sign_node") ? option(run, host, "sign_node") : node;
    return conclude(run, host, &seen, &site, strcmp(host->str(run, "which"), "warm") == 0);
}
