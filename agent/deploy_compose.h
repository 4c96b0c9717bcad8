/*
 * deploy_compose.h: what `init` wants to know of a compose file: where the homes lie on the host, where the proxy and
 * NATS are reached. The file is only read; what it does not say stays as it was, so a second file can be laid over it.
 */
#ifndef AGENT_DEPLOY_COMPOSE_H
#define AGENT_DEPLOY_COMPOSE_H

#include <stdbool.h>
#include <stddef.h>

struct compose {
    char *api_container; /* name of the API service's container; NULL: no such service */
    bool  api_on_host;   /* it uses the host's network */
    char *inference;     /* host folder that containers see as /root/.inference, as written; NULL: not said */
    char *dapi;          /* the same for /root/.dapi */
    char  proxy_port[8]; /* of the host; "": not said */
    char  nats_host[64]; /* address that NATS is published on; "": it is not */
    char  nats_port[8];
};

struct compose_place {
    const char *env;       /* text of config.env, for ${NAME}; "" for none */
    const char *project;   /* name of the folder, from which compose makes names of containers */
    const char *nats_port; /* of NATS within its container */
};

/* Adds what the file says to *ret. 0, or -1 with what is wrong in reterr: then nothing was added. */
int  compose_read(const char *text, size_t len, const struct compose_place *place, struct compose *ret, char *reterr,
                  size_t reterr_len);
void compose_done(struct compose *compose);

/* One value of a YAML file, KEY of the map SECTION; the caller frees it. NULL: not there, or no YAML. */
char *yaml_value(const char *text, size_t len, const char *section, const char *key);

/* Text with ${NAME}, ${NAME:-DEFAULT} and $NAME replaced by values of `env`; the caller frees it. */
char *compose_expand(const char *text, const char *env);

#endif
