/* info.c: the programs that a software upgrade names. */
#include "plugins/governance/message.h"

#include "kit/json.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLATFORMS_MAX 64

static const char CHECKSUM[] = "checksum=sha256:";

/*
 * 1 when the member is there once at most and in no other capitals. The programs that read this text take the last of
 * several members of the same name, and do not care for capitals: what is shown here would not be what they fetch.
 */
static int
is_plain(const cJSON *object, const char *key)
{
    size_t n = 0;

    for (const cJSON *member = object->child; member; member = member->next) {
        if (strcasecmp(member->string, key) != 0)
            continue;
        if (strcmp(member->string, key) != 0 || ++n > 1)
            return 0;
    }
    return 1;
}

/* The checksum in a URL's query, in lower case; "" when there is none, or several, or one that is no sha256. */
static void
read_checksum(const char *url, char sha256[GOV_SHA256])
{
    const char *query = strchr(url, '?');
    const char *found = query ? strstr(query, "checksum=") : NULL;
    const char *hex = found ? found + sizeof(CHECKSUM) - 1 : NULL;
    size_t      n;

    sha256[0] = '\0';
    if (!found || (found[-1] != '?' && found[-1] != '&') || strstr(found + 1, "checksum=") ||
        strncmp(found, CHECKSUM, sizeof(CHECKSUM) - 1) != 0)
        return;
    n = strspn(hex, "0123456789abcdefABCDEF");
    if (n != GOV_SHA256 - 1 || (hex[n] != '\0' && hex[n] != '&'))
        return;
    for (size_t i = 0; i < n; i++)
        sha256[i] = (char)tolower((unsigned char)hex[i]);
    sha256[n] = '\0';
}

static int
read_binaries(const cJSON *info, const char *key, struct gov_binaries *ret, char *why, size_t len)
{
    const cJSON *map = ga_json_get(info, key);

    if (!is_plain(info, key)) {
        (void)snprintf(why, len, "plan.info: %s is there twice or in other capitals", key);
        return -EBADMSG;
    }
    if (!map || cJSON_IsNull(map) || (cJSON_IsObject(map) && !map->child))
        return 0;
    if (!cJSON_IsObject(map) || cJSON_GetArraySize(map) > PLATFORMS_MAX) {
        (void)snprintf(why, len, "plan.info: %s is no map from at most %d platforms to URLs", key, PLATFORMS_MAX);
        return -EBADMSG;
    }
    ret->list = calloc((size_t)cJSON_GetArraySize(map), sizeof(*ret->list));
    if (!ret->list)
        return -ENOMEM;
    for (const cJSON *entry = map->child; entry; entry = entry->next) {
        struct gov_binary *binary = &ret->list[ret->n++];

        if (!cJSON_IsString(entry) || !is_plain(map, entry->string)) {
            (void)snprintf(why, len, "plan.info: %s: %.40s is no text, or there twice", key, entry->string);
            return -EBADMSG;
        }
        binary->platform = entry->string;
        binary->url = entry->valuestring;
        read_checksum(binary->url, binary->sha256);
    }
    return 0;
}

static void
forget_binaries(struct gov_binaries *binaries)
{
    free(binaries->list);
    *binaries = (struct gov_binaries){0};
}

static int
read_members(struct gov_upgrade *ret, char *why, size_t len)
{
    const cJSON *version = ga_json_get(ret->info_json, "node_version");
    int          r;

    if (!cJSON_IsObject(ret->info_json)) {
        (void)snprintf(why, len, "plan.info is no JSON object");
        return -EBADMSG;
    }
    r = read_binaries(ret->info_json, "binaries", &ret->node, why, len);
    if (r == 0)
        r = read_binaries(ret->info_json, "api_binaries", &ret->api, why, len);
    if (r < 0)
        return r;
    if (!is_plain(ret->info_json, "node_version") || (version && !cJSON_IsString(version) && !cJSON_IsNull(version))) {
        (void)snprintf(why, len, "plan.info: node_version is no text, or there twice");
        return -EBADMSG;
    }
    ret->node_version = cJSON_IsString(version) ? version->valuestring : "";
    return 0;
}

int
gov_info_decode(const char *info, struct gov_upgrade *ret, char *why, size_t len)
{
    char reason[GOV_WHY];
    int  r;

    if (!*info)
        return 0;
    ret->info_json = ga_json_parse(info, strlen(info), reason, sizeof(reason));
    if (!ret->info_json && errno == ENOMEM)
        return -ENOMEM;
    if (!ret->info_json) {
        (void)snprintf(why, len, "plan.info is no JSON: %.120s", reason);
        return -EBADMSG;
    }
    r = read_members(ret, why, len);
    if (r < 0) {
        forget_binaries(&ret->node);
        forget_binaries(&ret->api);
        cJSON_Delete(ret->info_json);
        ret->info_json = NULL;
    }
    return r;
}
