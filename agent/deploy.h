/*
 * deploy.h: a host's deploy directory of the Gonka network, as `init` finds it. Only looks.
 */
#ifndef AGENT_DEPLOY_H
#define AGENT_DEPLOY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct deploy {
    char    *dir; /* absolute, no links in it */
    bool     compose;
    bool     config_env;
    bool     inference; /* the homes: real folders */
    bool     dapi;
    bool     tmkms;
    bool     docker_socket;
    char     api_port[8]; /* of config.env, else "8000" */
    char    *key_name;    /* of config.env; NULL: not there */
    unsigned backups;     /* data-backup-* folders in the homes */
    uint64_t disk_size;   /* of the file system it lies on; 0: unknown */
    uint64_t disk_free;
};

/* Looks at `dir`, or where none is named at the current folder and the usual places. 0, or -1 with a sentence in
 * reterr. */
int  deploy_look(const char *dir, struct deploy *ret, char *reterr, size_t reterr_len);
void deploy_done(struct deploy *deploy);

/*
 * The value of a variable in the text of a config.env, the last one that is set: `export NAME=VALUE`, quotes taken off,
 * comments left out. Nothing is executed or expanded. The caller frees it; NULL when it is not there.
 */
char *deploy_env(const char *text, const char *name);

#endif
