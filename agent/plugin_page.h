/* plugin_page.h: a plugin's reference, printed from its descriptor: for people, as JSON, as a man page, as Markdown. */
#ifndef AGENT_PLUGIN_PAGE_H
#define AGENT_PLUGIN_PAGE_H

#include "agent/desc.h"

#include <cjson/cJSON.h>
#include <stdio.h>

/* `compiled`: the plugin's part of the compiled manifest, for the rules of its sandbox; NULL: there is none. */
void plugin_page_text(const struct plugin_desc *desc, const char *file, const cJSON *compiled, FILE *out);
void plugin_page_json(const struct plugin_desc *desc, const char *file, const cJSON *compiled, FILE *out);
void plugin_page_man(const struct plugin_desc *desc, FILE *out);
void plugin_page_markdown(const struct plugin_desc *desc, FILE *out);

#endif
