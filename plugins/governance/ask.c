/* ask.c: enough nodes must say the same. */
#include "plugins/governance/tasks.h"

#include "kit/clean.h"
#include "kit/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INVALID_ARGUMENT 3 /* the gateway's code for a vote that is not there */

int
gov_chain_open(struct gov_chain *chain, struct ga_run *run, const struct ga_host *host)
{
    char why[512];

    chain->run = run;
    chain->host = host;
    if (ga_chain_setup(run, host, &chain->setup, why, sizeof(why)) < 0)
        return host->end(run, GA_REFUSED, "%s", why);
    gov_chain_again(chain);
    if (chain->quorum.known != GA_CHAIN_KNOWN)
        return host->end(run, GA_UNKNOWN, "%s", ga_clean(chain->quorum.text));
    return GA_OK;
}

void
gov_chain_again(struct gov_chain *chain)
{
    (void)ga_chain_quorum(chain->setup.sources, chain->setup.n, &chain->setup.rules, &chain->quorum);
}

/* Numbers as texts: nodes of different releases write them in either way. */
static int
write_plain(FILE *out, const cJSON *value)
{
    const cJSON *entry;
    int          ok = 1;

    if (cJSON_IsObject(value) || cJSON_IsArray(value)) {
        (void)fputc(cJSON_IsObject(value) ? '{' : '[', out);
        cJSON_ArrayForEach(entry, value)
        {
            if (entry->string)
                (void)fprintf(out, "%s:", entry->string);
            ok = ok && write_plain(out, entry);
            (void)fputc(',', out);
        }
        (void)fputc(cJSON_IsObject(value) ? '}' : ']', out);
        return ok;
    }
    if (cJSON_IsString(value)) {
        (void)fprintf(out, "\"%s\"", value->valuestring);
    } else {
        char *text = ga_json_print(value);

        ok = text != NULL;
        (void)fprintf(out, cJSON_IsNumber(value) || cJSON_IsRaw(value) ? "\"%s\"" : "%s", text ? text : "");
        free(text);
    }
    return ok;
}

char *
gov_all_matters(const cJSON *answer, char *why, size_t len)
{
    char  *text = NULL;
    size_t size = 0;
    FILE  *out = open_memstream(&text, &size);
    int    ok = out && write_plain(out, answer);

    if (out && fclose(out) != 0)
        ok = 0;
    if (ok)
        return text;
    free(text);
    (void)snprintf(why, len, "there is not enough memory");
    return NULL;
}

/* The answers so far. */
struct answers {
    cJSON *json[GA_CHAIN_SOURCES_MAX];
    char  *texts[GA_CHAIN_SOURCES_MAX];
    size_t n;
    int    n_absent;
    char   failed[400];
    char   absent[400];
};

static int
says_absent(enum ga_chain_why r, const struct ga_chain_error *error)
{
    return r == GA_CHAIN_NOT_FOUND ||
           (r == GA_CHAIN_REFUSED && error->code == INVALID_ARGUMENT && strstr(error->text, "not found"));
}

/* Asks one source. 1: now enough agree. */
static int
ask_one(const struct gov_chain *chain, size_t i, const char *path, gov_matters matters, int need,
        struct answers *answers)
{
    struct ga_chain_error error;
    cJSON                *answer = NULL;
    char                  why[300] = "";
    enum ga_chain_why     r = ga_chain_rest(&chain->setup.sources[i], path, &answer, &error);
    char                 *text = r == GA_CHAIN_OK ? matters(answer, why, sizeof(why)) : NULL;
    int                   same = 0;

    if (text) {
        answers->json[answers->n] = answer;
        answers->texts[answers->n++] = text;
        for (size_t k = 0; k < answers->n; k++)
            same += strcmp(answers->texts[k], text) == 0;
        return same >= need;
    }
    cJSON_Delete(answer);
    if (says_absent(r, &error)) {
        (void)snprintf(answers->absent, sizeof(answers->absent), "%.390s", error.text);
        return ++answers->n_absent >= need;
    }
    if (r == GA_CHAIN_OK)
        (void)snprintf(answers->failed, sizeof(answers->failed), "%.60s: %.300s", chain->setup.sources[i].name, why);
    else
        (void)snprintf(answers->failed, sizeof(answers->failed), "%.390s", error.text);
    return 0;
}

static void
too_few(const char *what, int need, const struct answers *answers, char *why, size_t len)
{
    if (answers->n + (size_t)(answers->n_absent > 0) > 1)
        (void)snprintf(why, len, "nodes say different things about %s: ask again, or name one more source", what);
    else if (answers->failed[0])
        (void)snprintf(why, len, "%s: %d must say the same: %s", what, need, answers->failed);
    else
        (void)snprintf(why, len, "%s: fewer healthy nodes than must agree (%d)", what, need);
    (void)ga_clean(why);
}

enum gov_known
gov_ask(const struct gov_chain *chain, const char *what, const char *path, gov_matters matters, cJSON **ret, char *why,
        size_t len)
{
    const int       need = chain->setup.rules.agree > 0 ? chain->setup.rules.agree : 1;
    struct answers *answers = calloc(1, sizeof(*answers));
    enum gov_known  known = GOV_UNKNOWN;
    int             enough = 0;

    *ret = NULL;
    why[0] = '\0';
    if (!answers) {
        (void)snprintf(why, len, "there is not enough memory");
        return GOV_UNKNOWN;
    }
    for (size_t i = 0; i < chain->quorum.n && !enough; i++)
        if (chain->quorum.looks[i].verdict.why == GA_CHAIN_OK)
            enough = ask_one(chain, i, path, matters, need, answers);
    if (enough && answers->n_absent >= need) {
        known = GOV_ABSENT;
        (void)snprintf(why, len, "%s", ga_clean(answers->absent));
    } else if (enough) {
        known = GOV_KNOWN;
        *ret = answers->json[answers->n - 1];
        answers->json[answers->n - 1] = NULL;
    } else {
        too_few(what, need, answers, why, len);
    }
    for (size_t i = 0; i < answers->n; i++) {
        cJSON_Delete(answers->json[i]);
        free(answers->texts[i]);
    }
    free(answers);
    return known;
}
