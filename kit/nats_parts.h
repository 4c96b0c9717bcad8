/* nats_parts.h: what the files of kit/nats share. Not for users of the kit. */
#ifndef GA_KIT_NATS_PARTS_H
#define GA_KIT_NATS_PARTS_H

#include "kit/nats.h"

#include <nats/nats.h>
#include <pthread.h>

struct nats_item {
    struct nats_item *next;
    natsMsg          *msg;
};

struct nats_queue {
    struct nats_item *head;
    struct nats_item *tail;
    size_t            n;
};

/* Who we are, kept for the handlers that libnats calls while it connects. */
struct nats_login {
    char *jwt;       /* NULL: none */
    char *seed;      /* NULL: none */
    char public[64]; /* of the seed, as the server knows it */
    int failed;      /* signing did not work */
    int unsent;      /* libnats left the signature out, see sign(): another try gets another */
};

struct ga_nats {
    natsConnection    *connection;
    natsSubscription **subs;
    size_t             n_subs;
    natsSubscription  *replies;
    struct nats_login  login;
    char               url[256];
    char               prefix[128];
    char               inbox[64];
    unsigned long      asked; /* requests so far: the last word of the reply subject */
    int64_t            timeout_ms;
    int                cancel_fd; /* -1: none */
    int                wake_fd;   /* an eventfd: something below changed */
    pthread_mutex_t    lock;      /* guards what follows; libnats' threads write it */
    struct nats_queue  answers;
    struct nats_queue  messages;
    int                closed;
    char               closed_why[192];
    char               denied[256]; /* the server's sentence when it forbade something */
};

/* nats_why.c: sets *err. The format gives the whole sentence. */
void nats_say(struct ga_nats_error *err, enum ga_nats_why why, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Milliseconds of the monotonic clock. */
int64_t nats_now_ms(void);

/*
 * Does a NATS server greet there? libnats says "no server available" for every cause and cannot be cancelled while it
 * connects: so this looks first. `url` is without a login. 0, or -1 with *err.
 */
int nats_probe(struct ga_nats_error *err, const struct ga_nats_config *config, const char *url);

/* Why a connect to a server that greeted failed with `status`. */
void nats_why_connect(struct ga_nats_error *err, const struct ga_nats_config *config, const char *url,
                      natsStatus status);

/* Copies the URL without what stands before an '@'. */
void nats_redact(const char *url, char *ret, size_t len);

/* nats_login.c: fills `login` from the settings and `options` from it. 0, or -1 with *err. */
int  nats_login_set(struct nats_login *login, const struct ga_nats_config *config, natsOptions *options,
                    struct ga_nats_error *err);
void nats_login_done(struct nats_login *login);

/* CA, certificate and key into `options`. 0, or -1 with *err. */
int nats_tls_set(const struct ga_nats_config *config, const char *url, natsOptions *options, struct ga_nats_error *err);

#endif
