/* upgrade_info.c: the programs that a software upgrade names. */
#include "kit/upgrade_info.h"

#include "kit/json.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char CHECKSUM[] = "checksum=";
static const char SHA256[] = "sha256:";

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

/* The parameter "checksum=..." of a query, at the start of one of its parts; NULL when there is none. */
static const char *
find_checksum(const char *query)
{
    const char *part = query;

    while (part && *part) {
        if (strncmp(part, CHECKSUM, sizeof(CHECKSUM) - 1) == 0)
            return part;
        part = strchr(part, '&');
        part = part ? part + 1 : NULL;
    }
    return NULL;
}

int
ga_upgrade_checksum(const char *url, char sha256[GA_UPGRADE_SHA256])
{
    const char *query = strchr(url, '?');
    const char *found = query ? find_checksum(query + 1) : NULL;
    const char *hex = found ? found + sizeof(CHECKSUM) - 1 + sizeof(SHA256) - 1 : NULL;
    size_t      n;

    sha256[0] = '\0';
    if (!found)
        return query && strstr(query, CHECKSUM) ? -EINVAL : -ENOENT;
    if (strstr(query, CHECKSUM) != found || strstr(found + 1, CHECKSUM) ||
        strncmp(found + sizeof(CHECKSUM) - 1, SHA256, sizeof(SHA256) - 1) != 0)
        return -EINVAL;
    n = strspn(hex, "0123456789abcdefABCDEF");
    if (n != GA_UPGRADE_SHA256 - 1 || (hex[n] != '\0' && hex[n] != '&'))
        return -EINVAL;
    for (size_t i = 0; i < n; i++)
        sha256[i] = (char)tolower((unsigned char)hex[i]);
    sha256[n] = '\0';
    return 0;
}

char *
ga_upgrade_plain_url(const char *url)
{
    char       *plain = strdup(url);
    char       *query = plain ? strchr(plain, '?') : NULL;
    char       *part = query ? (char *)(query + 1) : NULL;
    const char *found = part ? find_checksum(part) : NULL;
    char       *at;
    size_t      n;

    if (!found)
        return plain;
    at = plain + (found - plain);
    n = strcspn(at, "&");
    if (at[n] == '&')
        memmove(at, at + n + 1, strlen(at + n + 1) + 1);
    else
        at[-1] = '\0'; /* it was the last: the ? or & before it goes too */
    return plain;
}

static void
read_entry(const cJSON *map, const cJSON *entry, struct ga_upgrade_binary *ret)
{
    *ret = (struct ga_upgrade_binary){.platform = entry->string, .url = ""};
    if (!is_plain(map, entry->string)) {
        (void)snprintf(ret->why, sizeof(ret->why), "it is there twice, or in other capitals too");
    } else if (!cJSON_IsString(entry)) {
        (void)snprintf(ret->why, sizeof(ret->why), "its URL is no text");
    } else {
        ret->url = entry->valuestring;
        if (ga_upgrade_checksum(ret->url, ret->sha256) == -EINVAL)
            (void)snprintf(ret->why, sizeof(ret->why), "its URL names a checksum that is not one sha256");
    }
}

static int
read_binaries(const cJSON *info, const char *key, struct ga_upgrade_binaries *ret, char *why, size_t len)
{
    const cJSON *map = ga_json_get(info, key);

    if (!is_plain(info, key)) {
        (void)snprintf(why, len, "plan.info: %s is there twice or in other capitals", key);
        return -EBADMSG;
    }
    if (!map || cJSON_IsNull(map) || (cJSON_IsObject(map) && !map->child))
        return 0;
    if (!cJSON_IsObject(map) || cJSON_GetArraySize(map) > GA_UPGRADE_PLATFORMS_MAX) {
        (void)snprintf(why, len, "plan.info: %s is no map from at most %d platforms to URLs", key,
                       GA_UPGRADE_PLATFORMS_MAX);
        return -EBADMSG;
    }
    ret->list = calloc((size_t)cJSON_GetArraySize(map), sizeof(*ret->list));
    if (!ret->list)
        return -ENOMEM;
    for (const cJSON *entry = map->child; entry; entry = entry->next)
        read_entry(map, entry, &ret->list[ret->n++]);
    return 0;
}

static int
read_members(struct ga_upgrade_info *ret, char *why, size_t len)
{
    const cJSON *version;
    int          r;

    if (!cJSON_IsObject(ret->json)) {
        (void)snprintf(why, len, "plan.info is no JSON object");
        return -EBADMSG;
    }
    r = read_binaries(ret->json, "binaries", &ret->node, why, len);
    if (r == 0)
        r = read_binaries(ret->json, "api_binaries", &ret->api, why, len);
    if (r < 0)
        return r;
    version = ga_json_get(ret->json, "node_version");
    if (!is_plain(ret->json, "node_version") || (version && !cJSON_IsString(version) && !cJSON_IsNull(version))) {
        (void)snprintf(why, len, "plan.info: node_version is no text, or there twice");
        return -EBADMSG;
    }
    ret->node_version = cJSON_IsString(version) ? version->valuestring : "";
    return 0;
}

void
ga_upgrade_info_free(struct ga_upgrade_info *info)
{
    free(info->node.list);
    free(info->api.list);
    cJSON_Delete(info->json);
    *info = (struct ga_upgrade_info){.node_version = ""};
}

int
ga_upgrade_info_decode(const char *info, struct ga_upgrade_info *ret, char *why, size_t len)
{
    char reason[120];
    int  r;

    *ret = (struct ga_upgrade_info){.node_version = ""};
    if (!*info)
        return 0;
    ret->json = ga_json_parse(info, strlen(info), reason, sizeof(reason));
    if (!ret->json && errno == ENOMEM)
        return -ENOMEM;
    if (!ret->json) {
        (void)snprintf(why, len, "plan.info is no JSON: %s", reason);
        return -EBADMSG;
    }
    r = read_members(ret, why, len);
    if (r < 0)
        ga_upgrade_info_free(ret);
    return r;
}

const struct ga_upgrade_binary *
ga_upgrade_info_choose(const struct ga_upgrade_binaries *binaries, const char *platform)
{
    const struct ga_upgrade_binary *any = NULL;

    for (size_t i = 0; i < binaries->n; i++) {
        if (strcmp(binaries->list[i].platform, platform) == 0)
            return &binaries->list[i];
        if (strcmp(binaries->list[i].platform, "any") == 0)
            any = &binaries->list[i];
    }
    return any;
}
