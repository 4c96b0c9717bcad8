/*
 * desc.h: what a plugin says about itself, as the manifest's checker sees it.
 *
 * A descriptor is read from a plugin by a runner of its own (sandboxed, with a deadline) and comes as JSON. Nothing of
 * it is trusted: desc_from_json() checks every field.
 */
#ifndef AGENT_DESC_H
#define AGENT_DESC_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

struct option_desc {
    char    *key;
    uint32_t type;  /* GA_T_... of plugin.h */
    uint32_t flags; /* GA_REQUIRED ... */
    char    *dflt;  /* NULL: none */
    char    *help;
    char   **choices; /* names of an enum; "scheme:port" of a URL */
    size_t   n_choices;
    int64_t  min;
    int64_t  max;
};

struct task_desc {
    char               *name;
    char               *summary;
    char               *every; /* NULL: none */
    char               *on;
    char               *timeout;
    uint32_t            flags; /* GA_TASK_... */
    struct option_desc *args;
    size_t              n_args;
};

struct topic_desc {
    char *name;
    char *summary;
};

struct plugin_desc {
    char               *name;
    char               *version;
    char               *summary;
    uint32_t            needs; /* GA_NEEDS_... */
    struct option_desc *options;
    size_t              n_options;
    struct task_desc   *tasks;
    size_t              n_tasks;
    struct topic_desc  *topics;
    size_t              n_topics;
};

/* NULL, with a sentence in reterr about the field that is wrong. */
struct plugin_desc *desc_from_json(const cJSON *json, char *reterr, size_t reterr_len);
void                desc_free(struct plugin_desc *desc); /* accepts NULL */

const struct task_desc *desc_task(const struct plugin_desc *desc, const char *name);

/* One plugin that is to be described, and what came of it. */
struct desc_request {
    const char         *name; /* as in the manifest */
    const char         *file; /* path of the .so */
    struct plugin_desc *desc; /* out: NULL when it failed */
    char                error[512];
};

/* Describes all of them at once, each in a process of its own with a deadline of five seconds. */
void desc_ask(struct desc_request *requests, size_t n, const char *sandbox);

#endif
