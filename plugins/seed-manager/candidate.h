/*
 * candidate.h: nodes that may become seeds, from lists that strangers and hurried people wrote. Pure: no network.
 *
 * An entry is one of
 *   http://host:8000, https://host, http://host:8000/chain-rpc/   the API (the host's proxy)
 *   http://host:26657                                             the older form: CometBFT's RPC at a port of its own
 *   40-hex-digits@host:port, tcp://...@host:port, tcp://host:port where peers connect; often seen in config.toml
 * A host is a name, an IPv4 address, or an IPv6 address in brackets.
 */
#ifndef SEED_CANDIDATE_H
#define SEED_CANDIDATE_H

#include <cjson/cJSON.h>
#include <stddef.h>

#define CANDIDATE_ID_LEN 40 /* of a node id: lower-case hex */
#define CANDIDATE_HOST_MAX 256
#define CANDIDATE_URL_MAX 300 /* scheme, host, port */
#define CANDIDATE_WHY_MAX 256
#define CANDIDATE_MONIKER_MAX 96
#define CANDIDATES_MAX 4096 /* of one survey; `apply` reads no more */

/* Where a candidate is from; or-ed when several named it. */
#define CANDIDATE_PUBLIC 0x1u     /* the list that is shipped */
#define CANDIDATE_OPERATOR 0x2u   /* the option candidates */
#define CANDIDATE_SOURCE 0x4u     /* the option sources */
#define CANDIDATE_CONFIGURED 0x8u /* config.env or config.toml of this host */
#define CANDIDATE_LEARNED 0x10u   /* net_info of a healthy node: a stranger's word */

/* One node. Plain values. */
struct candidate {
    char     host[CANDIDATE_HOST_MAX]; /* lower case; IPv6 in brackets */
    char     id[CANDIDATE_ID_LEN + 1]; /* as the list has it; "": it has none */
    int      p2p_port;                 /* as the list has it; 0: not known */
    char     api[CANDIDATE_URL_MAX];   /* no slash at the end; "": not known */
    char     rpc[CANDIDATE_URL_MAX];   /* a port of its own; "": not known */
    unsigned origin;
};

/* Reads one entry. 0; -1: it is none: a sentence in `why` (CANDIDATE_WHY_MAX bytes), fit to be shown. */
int candidate_parse(const char *text, unsigned origin, struct candidate *ret, char *why);

/* The same host and port for peers, the same API, or the same RPC. */
int candidate_same(const struct candidate *a, const struct candidate *b);

/* An entry that was refused. */
struct candidate_bad {
    char text[96]; /* cleaned and cut */
    char why[CANDIDATE_WHY_MAX];
};

#define CANDIDATE_BAD_MAX 32 /* as many are kept to be shown; the rest is counted */

/* A list without duplicates. */
struct candidates {
    struct candidate    *at;
    size_t               n;
    size_t               max;        /* more are left out */
    size_t               duplicates; /* entries that were there already */
    size_t               left_out;   /* entries beyond max */
    size_t               n_bad;
    struct candidate_bad bad[CANDIDATE_BAD_MAX];
};

/* Room for max (1 to CANDIDATES_MAX) candidates. 0, or -ENOMEM. candidates_done() in any case. */
int  candidates_init(struct candidates *list, size_t max);
void candidates_done(struct candidates *list);

/* Adds one; a duplicate only adds its origin and what was not known. Returns 1 when it is new, else 0. */
int candidates_add(struct candidates *list, const struct candidate *candidate);

/* Reads an entry and adds it, or notes why not. */
void candidates_add_text(struct candidates *list, const char *text, unsigned origin);

/* The entries of a comma-separated list, as `seeds` in config.toml has them. */
void candidates_add_list(struct candidates *list, const char *text, unsigned origin);

/* The lines of a file: an entry each, # begins a comment. `text` ends with a NUL at len. */
void candidates_add_lines(struct candidates *list, const char *text, size_t len, unsigned origin);

/* What is taken from a stranger's list of peers. */
struct candidate_learn {
    const char *chain_id;    /* peers on another chain are passed over; NULL or "": any */
    size_t      most;        /* peers that are looked at in one answer */
    int         private_too; /* 1: addresses that are not the Internet's, too */
};

/* The peers of an answer to net_info: id@remote_ip:port of listen_addr. Those without a usable id, address or port are
 * passed over. Returns how many were new. */
size_t candidates_add_net_info(struct candidates *list, const cJSON *net_info, const struct candidate_learn *rules);

/* 0 for addresses of this host and of networks that are not the Internet (loopback, private, link-local, shared,
 * multicast, documentation), which a stranger must not make us connect to; 1 for others, and for names. */
int candidate_is_public(const char *host);

/* The port of "tcp://0.0.0.0:5000"; 0: none. */
int candidate_port_of(const char *listen_addr);

/* "http://host:port" of a port that was guessed, in buf (CANDIDATE_URL_MAX bytes). Returns buf. */
char *candidate_url(const struct candidate *candidate, int port, char *buf);

/* What a table calls it: its API, else id@host:port shortened, else host:port. Returns buf. */
char *candidate_name(const struct candidate *candidate, char *buf, size_t len);

#endif
