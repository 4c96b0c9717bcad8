/*
 * deploy.h: a host's deploy directory of the Gonka network, as `init` finds it. Only looks.
 */
#ifndef AGENT_DEPLOY_H
#define AGENT_DEPLOY_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEPLOY_HOMES 2 /* .inference and .dapi */

/* A home of cosmovisor. */
struct deploy_home {
    const char *name;      /* ".inference" */
    char       *path;      /* absolute, no links in it; NULL: not there */
    bool        below;     /* it lies in the deploy directory under its name */
    unsigned    backups;   /* data-backup-* folders in it */
    uint64_t    disk_size; /* of the file system it lies on; 0: unknown */
    uint64_t    disk_free;
};

struct deploy {
    char              *dir;     /* absolute, no links in it */
    const char        *compose; /* name of the compose file; NULL: none */
    bool               config_env;
    bool               tmkms;
    bool               api;                 /* an API container was found: in the compose file, or by its home */
    struct deploy_home homes[DEPLOY_HOMES]; /* .inference, .dapi */
    char              *docker_socket;       /* absolute, no links in it; NULL: none */
    char              *nats_server;         /* URL for nats-ttl */
    const char        *nats_why;            /* where the URL comes from */
    char               api_port[8];         /* of the proxy on this host */
    const char        *api_port_from;       /* the file that says so, or "the network's default" */
    char              *key_name;            /* of config.env; NULL: not there */
    cJSON             *notes;               /* sentences about what is odd or missing */
};

/*
 * Looks at `dir`, or where none is named at the current folder and the usual places. 0, or -1 with a sentence in
 * reterr. Either way deploy_done() frees what *ret holds.
 */
int  deploy_look(const char *dir, struct deploy *ret, char *reterr, size_t reterr_len);
void deploy_done(struct deploy *deploy);

/*
 * The value of a variable in the text of a config.env, the last one that is set: `export NAME=VALUE`, quotes taken off,
 * comments left out. Nothing is executed or expanded. The caller frees it; NULL when it is not there, or when its
 * quotes do not end in its line.
 */
char *deploy_env(const char *text, const char *name);

/* Can a manifest hold this path: UTF-8 without control characters? */
bool deploy_path_writable(const char *path);

#endif
