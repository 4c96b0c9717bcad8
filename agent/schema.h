/* schema.h: one plugin's part of the manifest, checked against what the plugin says of itself. */
#ifndef AGENT_SCHEMA_H
#define AGENT_SCHEMA_H

#include "agent/desc.h"
#include "agent/manifest.h"

#include <cjson/cJSON.h>
#include <stdbool.h>

struct schema_request {
    struct diagnostics       *diagnostics;
    const char               *name;  /* of the plugin */
    const char               *file;  /* its .so */
    struct place              place; /* of its name in the manifest */
    const struct node        *given; /* its part of the manifest; may be null */
    const struct node        *vars;  /* the manifest's `node` */
    const struct plugin_desc *desc;
    bool                      look; /* look whether paths exist */
};

/* The plugin's part of the compiled manifest. NULL without memory; with errors (then diagnosed) it is of no use. */
cJSON *schema_plugin(const struct schema_request *request);

/* Keys that are not in `words` are diagnosed: "unknown key 'x' in PLACE". */
void schema_keys(struct diagnostics *diagnostics, const struct node *map, const char *const *words, size_t n,
                 const char *where);

#endif
