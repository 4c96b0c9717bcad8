/*
 * value.h: one value of the manifest or of the command line, checked against the option it is for.
 *
 * A good value comes out in the form that runs get: scalars as strings (int decimal, bool "0" or "1", duration in
 * nanoseconds, size in bytes), lists as arrays, maps as objects, secrets as the reference they were given as. What a
 * value opens in the sandbox is added to a set of rules:
 * {"paths":[{"path","access"}],"connect":[PORT],"bind":[PORT],"gpu":bool}.
 */
#ifndef AGENT_VALUE_H
#define AGENT_VALUE_H

#include "agent/desc.h"
#include "agent/manifest.h"

#include <cjson/cJSON.h>

struct value_context {
    struct diagnostics *diagnostics;
    const struct node  *vars;   /* the manifest's `node`, for ${node.x}; NULL: none */
    cJSON              *rules;  /* added to; NULL: not wanted */
    const char         *owner;  /* "of nats-ttl": for messages */
    bool                look;   /* look whether paths that must exist do */
    bool                partly; /* what is required may be missing: it is given later, by hand */
};

cJSON *rules_new(void);
/* Adds what `more` has and `rules` has not. */
void rules_add(cJSON *rules, const cJSON *more);

/* The canonical value, or NULL when it is wrong (then diagnosed). */
cJSON *value_check(const struct value_context *context, const struct option_desc *option, const struct node *node);

/*
 * All options of a table: what is given is checked, what is missing gets its default, what is unknown is diagnosed.
 * `given` may be NULL. `place` is for what is missing. Returns an object, also when there are errors; NULL without
 * memory.
 */
cJSON *values_check(const struct value_context *context, const struct option_desc *options, size_t n,
                    const struct node *given, struct place place, const char *what);

/* The scalar with ${node.x} replaced and $$ made one dollar; the caller frees it. NULL when wrong (then diagnosed). */
char *value_expand(const struct value_context *context, const struct node *scalar);

#endif
