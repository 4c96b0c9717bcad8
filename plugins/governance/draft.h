/*
 * draft.h: proposal files that the chain takes, for `inferenced tx gov submit-proposal FILE`.
 *
 * Pure: nothing is read, written or sent; the caller writes the JSON that comes out. May be called from any thread.
 * All functions return 0; -EINVAL when what is asked for would be refused by the chain or do harm, with a sentence in
 * `why` that says what to change; -EBADMSG when the chain's answer has not the documented form; -ENOMEM.
 */
#ifndef GOVERNANCE_DRAFT_H
#define GOVERNANCE_DRAFT_H

#include "plugins/governance/changes.h"

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#define GOV_AUTHORITY                                                                               \
    "gonka10d07y265gmmuvt4z0w9aw880jnsr700j2h5m33" /* the gov module's account on every Gonka chain \
                                                    */

/* What every proposal has. */
struct gov_draft {
    const char *title;     /* 1 to 255 bytes */
    const char *summary;   /* 1 to 10200 bytes */
    const char *metadata;  /* at most 255 bytes; NULL: none */
    const char *deposit;   /* "25000000ngonka" */
    const char *authority; /* NULL: GOV_AUTHORITY */
    int         expedited;
};

/* A parameter and its new value. */
struct gov_setting {
    const char *path;  /* as in struct gov_change */
    const char *value; /* "15391", "0.25", "true"; for lists JSON; objects are set member by member */
};

struct gov_archive {
    const char *platform; /* "linux/amd64", or "any" */
    const char *url;      /* http or https, without a checksum */
    const char *sha256;   /* of the archive: 64 hex digits */
};

struct gov_archives {
    const struct gov_archive *list;
    size_t                    n;
};

struct gov_upgrade_plan {
    const char         *name;           /* letters, digits, ".", "_", "-" */
    int64_t             height;         /* where the chain halts */
    int64_t             current_height; /* of the chain now */
    struct gov_archives node;           /* at least one of each */
    struct gov_archives api;
    const char         *node_version; /* of the MLNode; NULL: stays */
};

/*
 * Checks title, lengths and the deposit against the `params` object of /cosmos/gov/v1/params/..., or an answer that has
 * it. With 0, `note` says what is still missing for the vote to begin, or is "".
 */
int gov_draft_check(const struct gov_draft *draft, const cJSON *gov_params, char *note, size_t note_len, char *why,
                    size_t len);

/*
 * A change of a module's parameters: `current`, the object with them or the answer that has it as its member `params`,
 * with the settings put in. A value keeps the kind of the one that it replaces: a number stays a number, digits in a
 * text stay digits, {"value":...,"exponent":...} takes "0.25". Places that are not there are refused, and so is a draft
 * that changes nothing. *ret is the file (free it with cJSON_Delete()), *ret_changes, which starts as {0}, what it
 * changes.
 */
int gov_draft_params(const struct gov_draft *draft, const char *type_url, const cJSON *current,
                     const struct gov_setting *settings, size_t n, cJSON **ret, struct gov_changes *ret_changes,
                     char *why, size_t len);

/* A software upgrade with both maps of programs and their checksums. *ret as above. */
int gov_draft_upgrade(const struct gov_draft *draft, const struct gov_upgrade_plan *plan, cJSON **ret, char *why,
                      size_t len);

#endif
