/*
 * proposal.h: one governance proposal, decoded from the chain's answer.
 *
 * Everything that a proposal says comes from whoever paid its deposit. Decoding takes nothing for granted: what has not
 * the documented form is an error with words, and a message that is not understood in full is marked undecoded and
 * keeps its raw JSON, so that nobody votes on a guess.
 *
 * Pure; functions may be called from any thread on proposals that the thread owns. All times are nanoseconds since the
 * epoch, UTC.
 */
#ifndef GOVERNANCE_PROPOSAL_H
#define GOVERNANCE_PROPOSAL_H

#include "plugins/governance/changes.h"

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#define GOV_WHY 200
#define GOV_SHA256 65 /* bytes of a checksum in hex with its NUL */

enum gov_status {
    GOV_STATUS_UNSPECIFIED,
    GOV_STATUS_DEPOSIT_PERIOD,
    GOV_STATUS_VOTING_PERIOD,
    GOV_STATUS_PASSED,
    GOV_STATUS_REJECTED,
    GOV_STATUS_FAILED,
};

enum gov_kind {
    GOV_KIND_OTHER, /* no type that is known here; always undecoded */
    GOV_KIND_PARAMS,
    GOV_KIND_UPGRADE,
    GOV_KIND_CANCEL_UPGRADE,
    GOV_KIND_PARTIAL_UPGRADE,
    GOV_KIND_POOL_SPEND,
    GOV_KIND_MODEL,
};

/* Where a platform's program comes from. */
struct gov_binary {
    const char *platform;           /* "linux/amd64" */
    const char *url;                /* with its query */
    char        sha256[GOV_SHA256]; /* of the archive, in lower case; "" when the URL names none */
};

struct gov_binaries {
    struct gov_binary *list;
    size_t             n;
};

/* A change of parameters. */
struct gov_params {
    char         module[64]; /* "inference.inference", "cosmos.gov.v1": the type without "/" and ".MsgUpdateParams" */
    const cJSON *wanted;     /* the whole new object; NULL when the message has none (then it is undecoded) */
    int          compared;   /* 1: changes were found by gov_params_compare() */
    struct gov_changes changes;
};

/* A software upgrade, or a partial one (which has no name and no binaries here). */
struct gov_upgrade {
    const char         *name; /* as on the chain, capitals included */
    int64_t             height;
    const char         *info;         /* the text as it is */
    cJSON              *info_json;    /* that text parsed; NULL when it is no JSON */
    struct gov_binaries node;         /* for the node's cosmovisor */
    struct gov_binaries api;          /* for the API's */
    const char         *node_version; /* of the MLNode; "" for none */
};

struct gov_coin {
    const char *denom;
    char        amount[40]; /* digits, at most 38 */
};

struct gov_coins {
    struct gov_coin *list;
    size_t           n;
};

struct gov_spend {
    const char      *recipient;
    struct gov_coins amount;
};

/* A model registered or changed. Numbers as text. */
struct gov_model {
    const char *id;
    const char *proposed_by;
    const char *hf_repo;
    const char *hf_commit;
    uint64_t    units_of_compute_per_token;
    uint64_t    v_ram;
    uint64_t    throughput_per_nonce;
    char        validation_threshold[48]; /* "0.98"; "" for none */
};

struct gov_message {
    const char   *type_url; /* "/inference.inference.MsgUpdateParams" */
    enum gov_kind kind;
    int           undecoded;    /* 1: not understood in full; `why` says what */
    char          why[GOV_WHY]; /* "" when decoded */
    const cJSON  *json;         /* the message as it is; gov_message_raw() prints it */
    const char   *authority;    /* "" when the message names none */
    union {
        struct gov_params  params;
        struct gov_upgrade upgrade; /* both kinds of upgrade */
        struct gov_spend   spend;
        struct gov_model   model;
    } u;
};

/* Strings and JSON are borrowed from `json`, which the proposal owns. No string is NULL; what is missing is "". */
struct gov_proposal {
    cJSON              *json;
    uint64_t            id;
    enum gov_status     status;
    const char         *title;
    const char         *summary;
    const char         *proposer;
    const char         *metadata;
    const char         *failed_reason;
    int                 expedited;
    int64_t             submit_ns; /* times are 0 when they are not set */
    int64_t             deposit_end_ns;
    int64_t             voting_start_ns;
    int64_t             voting_end_ns;
    struct gov_coins    deposit;
    struct gov_message *messages;
    size_t              n_messages;
};

/*
 * Decodes {"proposal":{...}}, or the inner object (an element of a list of proposals). The answer is copied and stays
 * the caller's. 0, -EBADMSG with a sentence in `why` that names the member ("proposal 12: messages.0.plan.height:
 * ..."), or -ENOMEM. *ret is written in any case; free it with gov_proposal_free() after 0 only.
 */
int gov_proposal_decode(const cJSON *answer, struct gov_proposal *ret, char *why, size_t len);

void gov_proposal_free(struct gov_proposal *proposal);

/*
 * Compares a change of parameters with what the module has now: the object with the parameters, or the answer that has
 * it as its member `params`. Fills u.params.changes and sets u.params.compared; a second call replaces the first's
 * result. 0, -EBADMSG (`current` is no such object; nothing is changed), -EINVAL (the message is no decoded change of
 * parameters), -ENOMEM.
 */
int gov_params_compare(struct gov_message *message, const cJSON *current);

/* The message as JSON text. The caller frees it. NULL without memory. */
char *gov_message_raw(const struct gov_message *message);

/* "parameters", "software upgrade", ... Never NULL. */
const char *gov_kind_text(enum gov_kind kind);

/* "voting period", ... Never NULL. */
const char *gov_status_text(enum gov_status status);

#endif
