/*
 * kit/upgrade_info.h: the `info` of a software upgrade's plan: which programs it wants, and where they come from.
 *
 * The text is written by whoever made the proposal. What several readers could read differently (a member that is there
 * twice, or in other capitals) is an error, since cosmovisor and the API take the last and do not care for capitals. A
 * bad entry of one platform is an error of that entry alone: it says nothing about the others.
 *
 * Pure; functions may be called from any thread on values that the thread owns.
 */
#ifndef GA_KIT_UPGRADE_INFO_H
#define GA_KIT_UPGRADE_INFO_H

#include <cjson/cJSON.h>
#include <stddef.h>

#define GA_UPGRADE_SHA256 65 /* bytes of a checksum in hex with its NUL */
#define GA_UPGRADE_PLATFORMS_MAX 64
#define GA_UPGRADE_WHY 160

/* Where a platform's program comes from. Strings are borrowed from the document. */
struct ga_upgrade_binary {
    const char *platform;                  /* "linux/amd64" */
    const char *url;                       /* with its query; "" when the entry is no text */
    char        sha256[GA_UPGRADE_SHA256]; /* of the archive, in lower case; "" when the URL names none */
    char        why[GA_UPGRADE_WHY];       /* what is wrong with this entry; "" when nothing is */
};

struct ga_upgrade_binaries {
    struct ga_upgrade_binary *list;
    size_t                    n;
};

struct ga_upgrade_info {
    cJSON                     *json;         /* the whole document */
    struct ga_upgrade_binaries node;         /* `binaries`: for the node's cosmovisor */
    struct ga_upgrade_binaries api;          /* `api_binaries`: for the API's */
    const char                *node_version; /* of the MLNode; "" for none */
};

/*
 * Decodes it; an empty text names no programs. 0, -EBADMSG with a sentence in `why` (the document as a whole is of no
 * use: no JSON object, a map that is none or there twice), or -ENOMEM. *ret is always written; free it with
 * ga_upgrade_info_free().
 */
int  ga_upgrade_info_decode(const char *info, struct ga_upgrade_info *ret, char *why, size_t len);
void ga_upgrade_info_free(struct ga_upgrade_info *info);

/* The entry of a platform, else that of "any", as cosmovisor chooses; NULL when there is neither. Borrowed. */
const struct ga_upgrade_binary *ga_upgrade_info_choose(const struct ga_upgrade_binaries *binaries,
                                                       const char                       *platform);

/*
 * The checksum in a URL's query ("?checksum=sha256:<64 hex digits>"), in lower case. 0; -ENOENT the URL names none, and
 * -EINVAL it names several, or one that is no sha256 (sha256 is "" then).
 */
int ga_upgrade_checksum(const char *url, char sha256[GA_UPGRADE_SHA256]);

/* The URL without that part of its query, as it is asked for. The caller frees it. NULL without memory. */
char *ga_upgrade_plain_url(const char *url);

#endif
