/*
 * kit/nats.h: NATS requests and the raw JetStream API, on libnats, each failure with its own sentence and next step.
 *
 * Why raw: the structs of libnats know fewer fields than servers have, and writing them back loses what they do not
 * know. Here configurations go in and out as JSON documents of kit/json.h, with every integer exact.
 *
 * A connection does not reconnect by itself: libnats gives up for ever after two refused logins. Whoever needs it for
 * long watches ga_nats_alive() and connects again, reading secrets anew.
 *
 * Threads: a connection is used by one thread at a time. libnats has threads of its own until ga_nats_close().
 */
#ifndef GA_KIT_NATS_H
#define GA_KIT_NATS_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What went wrong, for decisions; the sentence is for people. */
enum ga_nats_why {
    GA_NATS_FINE = 0,
    GA_NATS_CONFIG,     /* the settings cannot be used: a key that is none, a file that is not there */
    GA_NATS_REFUSED,    /* nothing listens there, or no way to it */
    GA_NATS_RESOLVE,    /* the name has no address */
    GA_NATS_TLS,        /* certificate, chain or host name */
    GA_NATS_AUTH,       /* the login was refused, or the user may not ask this */
    GA_NATS_TIMEOUT,    /* no answer in time: whether the request was carried out is not known */
    GA_NATS_ABSENT,     /* nobody answers the subject: no JetStream there, or a wrong prefix */
    GA_NATS_NOT_JSON,   /* an answer that is no JSON object */
    GA_NATS_API,        /* JetStream answered with an error: api_code and err_code */
    GA_NATS_LOST,       /* the connection ended */
    GA_NATS_CANCELLED,  /* the caller's cancel descriptor became readable */
    GA_NATS_NOT_SERVER, /* something answers there that is no NATS server */
    GA_NATS_OTHER,      /* anything else, in the words of libnats */
};

#define GA_NATS_STREAM_NOT_FOUND 10059 /* err_code */
#define GA_NATS_NO_JETSTREAM 10039     /* err_code: JetStream is not enabled for the account */

struct ga_nats_error {
    enum ga_nats_why why;
    int              api_code;  /* GA_NATS_API: as HTTP's, 404 for example */
    int              err_code;  /* GA_NATS_API: JetStream's own number */
    char             text[768]; /* one sentence: what, where, and the next step; no secrets */
};

/* How to connect. Everything is borrowed during ga_nats_connect() only, and NULL or 0 where not wanted. */
struct ga_nats_config {
    const char *const *servers; /* "nats://host:port", "tls://host:port"; tried in this order, the first wins */
    size_t             n_servers;
    const char        *name; /* shown by the server for this connection */
    const char        *user;
    const char        *password;
    const char        *token;
    const char        *nkey;      /* seed of a user: "SU..." */
    const char        *creds;     /* the text of a credentials file (JWT and seed) */
    const char        *ca_file;   /* PEM; without it the system's, and only for tls:// */
    const char        *cert_file; /* PEM, with key_file: the client's own certificate */
    const char        *key_file;
    int64_t            connect_timeout_ms; /* for each server; 0: 5 s */
    int64_t            request_timeout_ms; /* 0: 10 s */
    const char        *api_prefix;         /* "$JS.API" when NULL; "$JS.DOMAIN.API" for a domain */
    int                cancel_fd;          /* readable: waits end with GA_NATS_CANCELLED; 0: none */
    void (*tick)(void *userdata);          /* called before each server is tried: a sign of life */
    void *userdata;                        /* of tick */
};

struct ga_nats;

/* Connects to the first server that lets it. NULL with the reason of each in *reterr. ga_nats_close() frees it. */
struct ga_nats *ga_nats_connect(const struct ga_nats_config *config, struct ga_nats_error *reterr);

/* Ends the connection and, with the last one, libnats' threads. NULL is fine. */
void ga_nats_close(struct ga_nats *nats);

/* The server's URL without user, password and token. Borrowed. */
const char *ga_nats_url(const struct ga_nats *nats);

/* 1 while the connection stands (as far as is known: a hung server is noticed by its missing pongs, within 15 s). */
int ga_nats_alive(const struct ga_nats *nats);

/*
 * Asks and waits for the answer of one responder. body NULL: empty. timeout_ms 0: that of the connection. *ret is the
 * answer's bytes followed by a NUL that *ret_len does not count; the caller frees it. 0, or -1 with *reterr.
 */
int ga_nats_request(struct ga_nats *nats, const char *subject, const char *body, int64_t timeout_ms, char **ret,
                    size_t *ret_len, struct ga_nats_error *reterr);

/*
 * Asks the JetStream API: subject PREFIX.call ("STREAM.INFO.txs_to_send"), body NULL or JSON. Returns the answer, to
 * be freed with cJSON_Delete(); NULL with *reterr when there is none, or when it holds an error.
 */
cJSON *ga_nats_js(struct ga_nats *nats, const char *call, const cJSON *body, int64_t timeout_ms,
                  struct ga_nats_error *reterr);

/* Sends one message, which nobody confirms. 0, or -1 with *reterr. */
int ga_nats_publish(struct ga_nats *nats, const char *subject, const void *data, size_t len,
                    struct ga_nats_error *reterr);

/* Called with each element of a paged list; it may take it out of the list (cJSON_Detach...). Not 0 ends the walk. */
typedef int (*ga_nats_each_fn)(cJSON *element, void *userdata);

/*
 * All elements of a paged list: ga_nats_js_list(nats, "STREAM.LIST", "streams", ...). Elements may come and go
 * meanwhile: each is offered once at least or may be missed, as the server's paging has it. 0, what the function
 * returned, or -1 with *reterr.
 */
int ga_nats_js_list(struct ga_nats *nats, const char *call, const char *member, ga_nats_each_fn each, void *userdata,
                    struct ga_nats_error *reterr);

/* May this be a part of a subject: a stream's name for example? No blanks, dots, wildcards, slashes, at most 255 bytes.
 * 1 or 0. */
int ga_nats_is_token(const char *text);

/* --- Subscriptions -------------------------------------------------------------------------------------------------
 */

struct ga_nats_message {
    char  *subject;
    char  *reply; /* where an answer is wanted; NULL: nowhere */
    char  *data;  /* followed by a NUL that is not counted */
    size_t len;
};

/* Subscribes; messages of all subscriptions of a connection come out of ga_nats_next(). 0, or -1 with *reterr. */
int ga_nats_subscribe(struct ga_nats *nats, const char *subject, struct ga_nats_error *reterr);

/*
 * The next message of any subscription. 1 and *ret (free it with ga_nats_message_free), 0 time is up, -1 the connection
 * is lost or the wait was cancelled, with *reterr. timeout_ms is 0 or more. Waits in poll(2), wakes at once.
 */
int  ga_nats_next(struct ga_nats *nats, int64_t timeout_ms, struct ga_nats_message *ret, struct ga_nats_error *reterr);
void ga_nats_message_free(struct ga_nats_message *message);

#ifdef __cplusplus
}
#endif

#endif
