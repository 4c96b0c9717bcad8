/* value_parts.h: the types that touch the world: paths, URLs, secrets. Used by value.c only. */
#ifndef AGENT_VALUE_PARTS_H
#define AGENT_VALUE_PARTS_H

#include "agent/value.h"

/* As value_check(), of one value whose text is expanded already. */
cJSON *value_path(const struct value_context *context, const struct option_desc *option, const struct node *node,
                  const char *text);
cJSON *value_url(const struct value_context *context, const struct option_desc *option, const struct node *node,
                 const char *text);
cJSON *value_secret(const struct value_context *context, const struct option_desc *option, const struct node *node);

#endif
