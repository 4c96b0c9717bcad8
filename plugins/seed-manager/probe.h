/*
 * probe.h: asks candidates, many at once: their RPC (behind the API's proxy, else at a port of its own), and their port
 * for peers. Every wait has an end, answers are capped, nothing is believed that was not asked.
 *
 * An answer's text is a stranger's: strings are cleaned, and what is compared is compared as bytes.
 */
#ifndef SEED_PROBE_H
#define SEED_PROBE_H

#include "plugins/seed-manager/candidate.h"

#include "kit/chain.h"

#include <gonka-agent/plugin.h>
#include <stdint.h>

#define PROBE_IP_MAX 46 /* INET6_ADDRSTRLEN */

/* What is known of the port for peers. */
enum probe_port {
    PROBE_PORT_UNKNOWN, /* not asked: nobody knows the port */
    PROBE_PORT_OPEN,    /* it takes connections */
    PROBE_PORT_SHUT     /* refused, or no connection in time */
};

/* Where the node id is from, from the weakest to the strongest. */
enum probe_id {
    PROBE_ID_NONE,
    PROBE_ID_LIST,     /* whoever wrote the list says so */
    PROBE_ID_RPC,      /* the RPC says so */
    PROBE_ID_HANDSHAKE /* the node proved it at its port for peers */
};

/* What was seen of one candidate. Plain values. */
struct probe {
    int                    asked;                       /* it was its turn; 0: the survey ended before */
    int                    answered;                    /* its RPC did, and it is this node's */
    struct ga_chain_status status;                      /* when it answered */
    int64_t                took_ns;                     /* of the answer */
    int                    api_up;                      /* something spoke HTTP at `api` */
    char                   api[CANDIDATE_URL_MAX];      /* given or found; "": not known */
    char                   rpc[CANDIDATE_URL_MAX + 16]; /* that answered, without a slash at the end */
    enum probe_port        port;
    int                    p2p_port; /* learned from the node's status, else the list's; 0: not known */
    int64_t                p2p_ns;   /* of the connection */
    char                   ip[PROBE_IP_MAX];
    char                   id[CANDIDATE_ID_LEN + 1];
    enum probe_id          id_from;
    int                    wrong_id;     /* the list names another id than the node does */
    char                   network[64];  /* chain id from the handshake; "": none */
    struct ga_chain_error  error;        /* why its RPC did not answer */
    char                   p2p_why[160]; /* what is wrong at the port for peers; "": nothing */
};

struct probe_rules {
    int     timeout_ms;  /* for the questions to one candidate's RPC, together */
    int     p2p_ms;      /* for its port for peers */
    int     guess_port;  /* where the API of a host may be whose API nobody named */
    int     handshake;   /* 1: the node id is asked at the port for peers */
    int     parallel;    /* as many are asked at once */
    int64_t deadline_ns; /* CLOCK_MONOTONIC: none is begun after it */
};

/*
 * Asks candidates[0..n), probes[] gets what was seen. Returns 0, or a negative errno when not even one thread could be
 * had. Those whose turn did not come have asked == 0. Calls cancelled() and progress() of the host from its threads.
 */
int probe_all(struct ga_run *run, const struct ga_host *host, const struct probe_rules *rules,
              const struct candidate *candidates, struct probe *probes, size_t n);

/* One candidate. Blocks; thread-safe. */
void probe_one(const struct probe_rules *rules, int cancel_fd, const struct candidate *candidate, struct probe *ret);

/* Runs `work` in n threads at once, or as many as can be had, and waits for them. They have small stacks and get no
 * signals. 0, or a negative errno when there was none. */
int probe_threads(void *(*work)(void *), void *userdata, size_t n);

/* CLOCK_MONOTONIC. */
int64_t probe_now(void);

/* --- the port for peers (probe_dial.c) -----------------------------------------------------------------------------
 */

struct probe_dial {
    void *easy; /* curl's handle; keeps the connection */
    int   fd;   /* connected, non-blocking; borrowed */
    char  ip[PROBE_IP_MAX];
    char  why[160];
};

/* Connects. 0; -1: why says so in a few words. probe_hang_up() in any case. */
int  probe_dial(const char *host, int port, int timeout_ms, int cancel_fd, struct probe_dial *ret);
void probe_hang_up(struct probe_dial *dial);

#endif
