/* apply_survey.c: reads the state document "survey". */
#include "plugins/seed-manager/apply_choose.h"

#include "kit/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
refuse(char *why, const char *what)
{
    (void)snprintf(why, EDIT_WHY_MAX, "the survey's document cannot be used: %s; run `survey` again", what);
    return -1;
}

/* A URL that can stand in a config.env: http(s), no blanks, quotes or controls. */
static int
is_url(const char *url)
{
    size_t len = url ? strlen(url) : 0;

    if (len == 0 || len >= CHOOSE_URL_MAX || (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0))
        return 0;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)url[i] <= ' ' || (unsigned char)url[i] >= 0x7f || strchr("'\"`$\\;&|<>(){}", url[i]))
            return 0;
    return 1;
}

static void
copy_url(char *ret, const char *url)
{
    if (is_url(url))
        (void)snprintf(ret, CHOOSE_URL_MAX, "%s", url);
}

/* 1 when it is a node with a usable address. */
static int
read_seed(const cJSON *json, struct choose_seed *ret)
{
    const char *p2p = ga_json_str(json, "p2p");
    size_t      len = p2p ? strlen(p2p) : 0;

    memset(ret, 0, sizeof(*ret));
    if (len <= CHOOSE_ID_LEN + 1 || p2p[CHOOSE_ID_LEN] != '@' || !choose_is_id(p2p, CHOOSE_ID_LEN) ||
        !choose_is_address(p2p + CHOOSE_ID_LEN + 1, len - CHOOSE_ID_LEN - 1))
        return 0;
    memcpy(ret->id, p2p, CHOOSE_ID_LEN);
    (void)snprintf(ret->address, sizeof(ret->address), "%s", p2p + CHOOSE_ID_LEN + 1);
    ret->healthy = ga_json_bool(json, "healthy", 0);
    copy_url(ret->api, ga_json_str(json, "api"));
    copy_url(ret->rpc, ga_json_str(json, "rpc"));
    return 1;
}

int
choose_survey_parse(const char *text, size_t len, struct choose_survey *ret, char *why)
{
    char         error[160];
    cJSON       *json = ga_json_parse(text, len, error, sizeof(error));
    const cJSON *seeds = ga_json_get(json, "seeds");
    const cJSON *seed;
    int          n = cJSON_GetArraySize(seeds);
    int          r = 0;

    memset(ret, 0, sizeof(*ret));
    if (!json)
        r = refuse(why, error);
    else if (ga_json_i64(json, "taken_ns", &ret->taken_ns) < 0 || !cJSON_IsArray(seeds))
        r = refuse(why, "taken_ns or seeds is missing");
    else if (n > CHOOSE_SEEDS_MAX)
        r = refuse(why, "it has too many seeds");
    else if (!(ret->seeds = calloc((size_t)n + 1, sizeof(*ret->seeds))))
        r = refuse(why, "no memory");
    if (r == 0) {
        ret->known = ga_json_bool(json, "known", 0);
        cJSON_ArrayForEach(seed, seeds) ret->n += (size_t)read_seed(seed, &ret->seeds[ret->n]);
    }
    cJSON_Delete(json);
    return r;
}

void
choose_survey_done(struct choose_survey *survey)
{
    free(survey->seeds);
    survey->seeds = NULL;
    survey->n = 0;
}
