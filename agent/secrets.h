/*
 * secrets.h: turns the references of a job into values, before the sandbox closes.
 *
 * A reference is {"file": "/abs"}, {"credential": "name"} (a file in $CREDENTIALS_DIRECTORY) or {"env": "NAME"}. Which
 * options are secrets is known only when the plugin is loaded, and by then files are out of reach. So everything that
 * looks like a reference is tried; whether it worked counts only for those that the descriptor calls secrets.
 *
 * A secret file must be regular (a symbolic link is followed: kubernetes and nix hand secrets out that way), not
 * readable by others, of at most SECRETS_MAX bytes of text. One newline at its end is cut. One thread.
 */
#ifndef AGENT_SECRETS_H
#define AGENT_SECRETS_H

#include "agent/mask.h"

#include <cjson/cJSON.h>
#include <stddef.h>

#define SECRETS_MAX (64u << 10)

struct secret {
    const cJSON *ref;   /* borrowed from the job */
    char        *value; /* NULL: it could not be resolved */
    char        *error; /* then: one sentence that names the reference and the next step */
};

struct secrets {
    struct secret *items;
    size_t         n;
};

/* Tries every reference in `values` (the job's options or args). 0, or -ENOMEM. */
int secrets_resolve(struct secrets *secrets, const cJSON *values);

/* Takes the variable that a secret came from out of the environment, so that no child inherits it. */
void secrets_forget_variable(const struct secret *secret);

/* The secret of a reference (by its address), or NULL: it is none. Borrowed. */
const struct secret *secrets_find(const struct secrets *secrets, const cJSON *ref);

/* Wipes and frees all values. */
void secrets_done(struct secrets *secrets);

#endif
