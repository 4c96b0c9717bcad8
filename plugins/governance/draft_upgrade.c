/* draft_upgrade.c: a proposal of a software upgrade. */
#include "plugins/governance/draft_parts.h"

#include "kit/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TYPE "/cosmos.upgrade.v1beta1.MsgSoftwareUpgrade"
#define NAME_BYTES "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
#define PLATFORM_BYTES "abcdefghijklmnopqrstuvwxyz0123456789"
#define HEX "0123456789abcdefABCDEF"
#define URL_MAX 2000

static int
is_platform(const char *text)
{
    size_t system = strspn(text, PLATFORM_BYTES);
    size_t machine = text[system] == '/' ? strspn(text + system + 1, PLATFORM_BYTES) : 0;

    return strcmp(text, "any") == 0 || (system > 0 && machine > 0 && !text[system + 1 + machine]);
}

static int
is_url(const char *text)
{
    if (strncmp(text, "https://", 8) != 0 && strncmp(text, "http://", 7) != 0)
        return 0;
    for (const char *at = text; *at; at++)
        if (*at <= ' ' || *at > '~' || *at == '#' || *at == '"' || *at == '\\')
            return 0;
    return strlen(text) <= URL_MAX && !strstr(text, "checksum=");
}

static int
check_archive(const struct gov_archives *archives, size_t i, const char *map, char *why, size_t len)
{
    const struct gov_archive *a = &archives->list[i];
    int                       twice = 0;

    for (size_t k = 0; k < i; k++)
        twice = twice || strcmp(archives->list[k].platform, a->platform) == 0;
    if (!is_platform(a->platform) || twice)
        (void)snprintf(why, len, "%s: platform \"%.40s\" %s", map, a->platform,
                       twice ? "is there twice: keep one" : "is none such as linux/amd64");
    else if (!is_url(a->url))
        (void)snprintf(why, len, "%s: %s: \"%.100s\" is no http or https URL without \"#\" and checksum", map,
                       a->platform, a->url);
    else if (strlen(a->sha256) != 64 || strspn(a->sha256, HEX) != 64)
        (void)snprintf(why, len, "%s: %s: \"%.70s\" is no sha256 of 64 hex digits: compute it from the archive", map,
                       a->platform, a->sha256);
    else
        return 0;
    return -EINVAL;
}

static int
check_archives(const struct gov_archives *archives, const char *map, char *why, size_t len)
{
    int r = 0;

    if (archives->n == 0) {
        (void)snprintf(why, len, "%s: no archive is given: hosts could not upgrade; name one per platform", map);
        return -EINVAL;
    }
    for (size_t i = 0; i < archives->n && r == 0; i++)
        r = check_archive(archives, i, map, why, len);
    return r;
}

static int
check_plan(const struct gov_upgrade_plan *plan, char *why, size_t len)
{
    size_t n = strspn(plan->name, NAME_BYTES);
    int    r;

    if (n == 0 || plan->name[n] || plan->name[0] == '.') {
        (void)snprintf(why, len, "name: \"%.60s\" becomes a folder's name: use letters, digits, \".\", \"_\" and \"-\"",
                       plan->name);
        return -EINVAL;
    }
    if (plan->current_height <= 0 || plan->height <= plan->current_height) {
        (void)snprintf(why, len, "height: %lld is not after the chain's height, %lld: choose a later one",
                       (long long)plan->height, (long long)plan->current_height);
        return -EINVAL;
    }
    r = check_archives(&plan->node, "binaries", why, len);
    return r < 0 ? r : check_archives(&plan->api, "api_binaries", why, len);
}

static int
add_archives(cJSON *info, const char *map, const struct gov_archives *archives)
{
    cJSON *object = cJSON_AddObjectToObject(info, map);

    for (size_t i = 0; i < archives->n; i++) {
        const struct gov_archive *a = &archives->list[i];
        char                      url[URL_MAX + 100];

        (void)snprintf(url, sizeof(url), "%s%cchecksum=sha256:%s", a->url, strchr(a->url, '?') ? '&' : '?', a->sha256);
        if (!cJSON_AddStringToObject(object, a->platform, url))
            return -ENOMEM;
    }
    return 0;
}

/* The text of plan.info; NULL without memory. The caller frees it. */
static char *
info_text(const struct gov_upgrade_plan *plan)
{
    cJSON *info = cJSON_CreateObject();
    int    r = add_archives(info, "binaries", &plan->node);
    char  *text = NULL;

    if (r == 0)
        r = add_archives(info, "api_binaries", &plan->api);
    if (r == 0 && plan->node_version && !cJSON_AddStringToObject(info, "node_version", plan->node_version))
        r = -ENOMEM;
    if (r == 0)
        text = ga_json_print(info);
    cJSON_Delete(info);
    return text;
}

int
gov_draft_upgrade(const struct gov_draft *draft, const struct gov_upgrade_plan *plan, cJSON **ret, char *why,
                  size_t len)
{
    char   height[24];
    char  *info;
    cJSON *object;
    int    r = check_plan(plan, why, len);

    if (r < 0)
        return r;
    (void)snprintf(height, sizeof(height), "%lld", (long long)plan->height);
    info = info_text(plan);
    object = info ? cJSON_CreateObject() : NULL;
    if (!cJSON_AddStringToObject(object, "name", plan->name) ||
        !cJSON_AddStringToObject(object, "time", "0001-01-01T00:00:00Z") ||
        !cJSON_AddStringToObject(object, "height", height) || !cJSON_AddStringToObject(object, "info", info) ||
        !cJSON_AddNullToObject(object, "upgraded_client_state")) {
        cJSON_Delete(object);
        r = -ENOMEM;
    }
    free(info);
    return r < 0 ? r : gov_draft_file(draft, TYPE, "plan", object, ret);
}
