/*
 * kit/chain.h: questions to Gonka chain nodes, and what several nodes together say.
 *
 * A source is one node: its CometBFT RPC and its REST gateway, at ports of their own or below /chain-rpc/ and
 * /chain-api/ of a host's proxy. Every function that asks returns why there is no answer (GA_CHAIN_OK: there is one)
 * and leaves a sentence in struct ga_chain_error: the source's name, the path, what is wrong and the next step.
 *
 * Only GA_CHAIN_NOT_FOUND says that something is not there, and only when the gateway itself said so (its code 5; the
 * 404 page of a proxy is none). That of a single node, which may be behind or lie, is no proof either: ask the sources
 * that ga_chain_quorum() found healthy, with ga_chain_ask(). Everything else means "could not ask" (GA_UNKNOWN).
 *
 * Integers come as numbers or as strings; read them with ga_json_i64() and ga_json_u64() of kit/json.h.
 * Link: libkit-chain, libkit-http, libkit. Thread-safe; a struct belongs to one thread at a time.
 */
#ifndef GA_KIT_CHAIN_H
#define GA_KIT_CHAIN_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GA_CHAIN_NAME_MAX 64
#define GA_CHAIN_URL_MAX 512
#define GA_CHAIN_SOURCES_MAX 64 /* sources of one quorum */

/* Why there is no answer, or why a source does not count. */
enum ga_chain_why {
    GA_CHAIN_OK = 0,
    GA_CHAIN_UNREACHABLE, /* no address, refused, TLS, cut off within the answer, leads elsewhere */
    GA_CHAIN_TIMEOUT,     /* a limit of time was passed */
    GA_CHAIN_NOT_JSON,    /* an HTML page, half a document, nothing */
    GA_CHAIN_TOO_LARGE,   /* more bytes, or more pages, than allowed */
    GA_CHAIN_HTTP_STATUS, /* a status other than 2xx without words of the node (a proxy's, for instance) */
    GA_CHAIN_REFUSED,     /* the node itself said no: an "error" or a "code" other than 5; not evidence of absence */
    GA_CHAIN_NOT_FOUND,   /* the gateway said code 5: this node does not have it */
    GA_CHAIN_BAD_ANSWER,  /* JSON, but not what was asked for: a member is missing or of no use */
    GA_CHAIN_WRONG_CHAIN, /* another chain id than expected */
    GA_CHAIN_CATCHING_UP, /* still syncing */
    GA_CHAIN_STALE,       /* its newest block is too old, or it lags behind the others */
    GA_CHAIN_AHEAD,       /* its newest block is from the future, or higher than the others confirm */
    GA_CHAIN_SAME_NODE,   /* the node id of a source before it: counts once */
    GA_CHAIN_NO_QUORUM,   /* too few sources agree for the question to be asked (ga_chain_ask() only) */
    GA_CHAIN_BAD_REQUEST, /* the question or the source is at fault: no such URL, a path with blanks */
    GA_CHAIN_CANCELLED,   /* cancel_fd became readable */
    GA_CHAIN_NO_MEMORY,
};

/* A name for it that does not change ("wrong-chain"), for JSON output and events. */
const char *ga_chain_why_name(enum ga_chain_why why);

struct ga_chain_error {
    enum ga_chain_why why;
    long              status;    /* HTTP status, 0: none came */
    int64_t           code;      /* the node's own code (gRPC, or JSON-RPC: negative); 0: none */
    char              text[768]; /* one sentence; "" with GA_CHAIN_OK */
};

/* One node. Plain values: may be copied; nothing to free. Made by one of the two functions below. */
struct ga_chain_source {
    char   name[GA_CHAIN_NAME_MAX]; /* what messages call it */
    char   rpc[GA_CHAIN_URL_MAX];   /* no slash at the end; "": has none, such questions are GA_CHAIN_BAD_REQUEST */
    char   api[GA_CHAIN_URL_MAX];
    int    connect_ms; /* 0: 5 s */
    int    total_ms;   /* of one request; 0: 15 s */
    size_t max_answer; /* bytes; 0: 8 MiB */
    int    cancel_fd;  /* readable: give up; -1 or 0: cannot be cancelled */
};

/*
 * A node at direct URLs ("http://node:26657", "http://node:1317"); either may be NULL or "", not both. NULL or "" as
 * name: the URL's host and port. Limits are set to their defaults. GA_CHAIN_OK, or GA_CHAIN_BAD_REQUEST: no http(s)
 * URL, a query or fragment in it, too long.
 */
enum ga_chain_why ga_chain_source_direct(struct ga_chain_source *ret, const char *name, const char *rpc_url,
                                         const char *api_url, struct ga_chain_error *error);

/* A node behind a proxy: `base_url` ("http://host:8000") has /chain-rpc/ and /chain-api/ below it. */
enum ga_chain_why ga_chain_source_below(struct ga_chain_source *ret, const char *name, const char *base_url,
                                        struct ga_chain_error *error);

/*
 * One CometBFT RPC question: "status", "net_info", "block?height=5" (with or without a slash in front). *ret gets the
 * "result" member, detached, or the whole answer where a node gives it without the JSON-RPC envelope; the caller frees
 * it with cJSON_Delete(). *ret is NULL unless GA_CHAIN_OK. An "error" member is GA_CHAIN_REFUSED with its words.
 */
enum ga_chain_why ga_chain_rpc(const struct ga_chain_source *source, const char *path, cJSON **ret,
                               struct ga_chain_error *error);

/*
 * One REST question: "/cosmos/gov/v1/proposals/12". *ret as above, an object. An answer {"code","message"} with a code
 * other than 0 is GA_CHAIN_NOT_FOUND for code 5, GA_CHAIN_REFUSED for others.
 */
enum ga_chain_why ga_chain_rest(const struct ga_chain_source *source, const char *path, cJSON **ret,
                                struct ga_chain_error *error);

/* Gets one element of a list, borrowed for the call. Returns 0 to go on; else no further elements and pages are got. */
typedef int (*ga_chain_each)(const cJSON *element, void *userdata);

/*
 * A REST list with all its pages: calls `each` for the elements of the array `list_key`, following
 * pagination.next_key over at most max_pages pages (0: 100). A missing or null list is an empty one. More pages than
 * that are GA_CHAIN_TOO_LARGE, a next_key that comes twice in a row is GA_CHAIN_BAD_ANSWER; unless GA_CHAIN_OK what
 * `each` saw is not the whole list.
 */
enum ga_chain_why ga_chain_rest_paged(const struct ga_chain_source *source, const char *path, const char *list_key,
                                      int max_pages, ga_chain_each each, void *userdata, struct ga_chain_error *error);

/* Percent-encodes what goes into a path's segment or a query's value. 0, or -ENOSPC (buf is "" then). */
int ga_chain_escape(const char *text, char *buf, size_t len);

/* What a node says of itself (RPC "status"). Strings are "" where the node did not say; longer ones are cut. */
struct ga_chain_status {
    char    chain_id[64];
    char    node_id[64]; /* lower-case hex */
    char    moniker[96];
    char    listen_addr[128]; /* "tcp://0.0.0.0:5000": only its port is of use */
    int64_t height;           /* the newest block's */
    int64_t block_time_ns;    /* its time, ns since 1970 UTC */
    int64_t earliest_height;  /* 0: not said */
    int     catching_up;
    char    validator_address[64]; /* upper-case hex */
    char    validator_pubkey[64];  /* base64 */
    int64_t voting_power;          /* 0: not in the active set */
};

/* Asks for it. Chain id, height, block time and catching_up must be there, else GA_CHAIN_BAD_ANSWER. The chain id is
 * not compared, and a node that catches up answers too: that is judged by ga_chain_judge(). */
enum ga_chain_why ga_chain_status(const struct ga_chain_source *source, struct ga_chain_status *ret,
                                  struct ga_chain_error *error);

/* The same from an answer that is there already (a "result"). `source` is named in the error. */
enum ga_chain_why ga_chain_status_parse(const char *source_name, const cJSON *result, struct ga_chain_status *ret,
                                        struct ga_chain_error *error);

/* --- several sources (chain_quorum.c) ------------------------------------------------------------------------------
 */

struct ga_chain_rules {
    const char *chain_id;   /* expected; NULL or "": any, as long as all that answer have the same */
    int         agree;      /* so many distinct nodes must agree; 0: 1 */
    int64_t     max_lag;    /* blocks that the heights of those that agree may lie apart; 0: 5 */
    int64_t     max_age_ns; /* age of the newest block; 0: 60 s */
    int64_t     now_ns;     /* ns since 1970 UTC; 0: the clock */
};

/* What became of one source. */
struct ga_chain_look {
    struct ga_chain_status status;   /* filled when it answered */
    int                    answered; /* its status was got and understood */
    int64_t                took_ns;  /* the question's time */
    struct ga_chain_error
        verdict; /* GA_CHAIN_OK: healthy, if the quorum is known; else why it does not count, in a sentence */
};

enum ga_chain_known {
    GA_CHAIN_UNKNOWN = 0, /* too few could be asked, or they do not agree: no statement about the chain */
    GA_CHAIN_KNOWN,       /* enough healthy sources agree */
    GA_CHAIN_HALTED,      /* enough sources agree on a height whose block is too old: the chain stands, not a node */
};

struct ga_chain_quorum {
    enum ga_chain_known  known;
    char                 chain_id[64];
    int64_t              height;        /* agreed: so many nodes as asked for have it; 0 with GA_CHAIN_UNKNOWN */
    int64_t              block_time_ns; /* newest among the agreeing sources; 0 with GA_CHAIN_UNKNOWN */
    size_t               n;
    size_t               n_healthy;
    struct ga_chain_look looks[GA_CHAIN_SOURCES_MAX]; /* in the order of the sources */
    char                 text[512];                   /* one sentence: what is known, or what is missing */
};

/*
 * Asks all sources at once and judges. `n` is at most GA_CHAIN_SOURCES_MAX (more are not asked, and the text says so).
 * *ret is always filled (about 100 KiB: keep it off small stacks). Returns ret->known.
 */
enum ga_chain_known ga_chain_quorum(const struct ga_chain_source *sources, size_t n, const struct ga_chain_rules *rules,
                                    struct ga_chain_quorum *ret);

/*
 * The rule alone: ret->n and, of each look, status, answered and (when not answered) verdict are given; verdicts of the
 * others and all else are filled in.
 *
 * Sources that count are on the right chain, not catching up, have a fresh block, and are distinct nodes. The largest
 * group of them whose heights lie within max_lag is healthy, when it has `agree` members and no other group apart from
 * it has as many; the agreed height is the highest that `agree` of them have. The chain is halted when none is fresh
 * and `agree`, but at least two, of those too old agree on a height: one alone may just be sick.
 */
enum ga_chain_known ga_chain_judge(const struct ga_chain_source *sources, const struct ga_chain_rules *rules,
                                   struct ga_chain_quorum *ret);

/*
 * A REST question to the healthy sources of a quorum, in their order:
 * GA_CHAIN_OK         one answered: *ret (the caller's) and *ret_source (may be NULL), its index. The rest is not
 * asked. GA_CHAIN_NOT_FOUND  it does not exist: all healthy sources were asked, rules->agree of them said so, none had
 * it. else                unknown: error->text says why; GA_CHAIN_NO_QUORUM when there is no quorum to ask.
 */
enum ga_chain_why ga_chain_ask(const struct ga_chain_source *sources, const struct ga_chain_quorum *quorum,
                               const struct ga_chain_rules *rules, const char *path, cJSON **ret, size_t *ret_source,
                               struct ga_chain_error *error);

/* When a block was made, ns since 1970 UTC, asked of the first healthy source that still has it; 0: none has. */
int64_t ga_chain_block_time(const struct ga_chain_source *sources, const struct ga_chain_quorum *quorum,
                            int64_t height);

#ifdef __cplusplus
}
#endif

#endif
