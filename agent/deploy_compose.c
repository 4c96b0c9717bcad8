/* deploy_compose.c: reads a compose file of Docker. */
#include "agent/deploy_compose.h"

#include "agent/deploy.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define MERGE_DEPTH_MAX 8

/* --- YAML: anchors and merge keys are common in such files -----------------------------------------------------------
 */

static const char *
scalar_of(const yaml_node_t *node)
{
    return node && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

static yaml_node_t *
member(yaml_document_t *document, const yaml_node_t *map, const char *key, int depth)
{
    yaml_node_t *merged = NULL;

    if (!map || map->type != YAML_MAPPING_NODE || depth > MERGE_DEPTH_MAX)
        return NULL;
    for (const yaml_node_pair_t *pair = map->data.mapping.pairs.start; pair < map->data.mapping.pairs.top; pair++) {
        const char  *name = scalar_of(yaml_document_get_node(document, pair->key));
        yaml_node_t *value = yaml_document_get_node(document, pair->value);

        if (name && strcmp(name, key) == 0)
            return value;
        if (!name || strcmp(name, "<<") != 0 || merged)
            continue;
        if (value->type == YAML_MAPPING_NODE)
            merged = member(document, value, key, depth + 1);
        for (const yaml_node_item_t *item = value->type == YAML_SEQUENCE_NODE ? value->data.sequence.items.start : NULL;
             item && !merged && item < value->data.sequence.items.top; item++)
            merged = member(document, yaml_document_get_node(document, *item), key, depth + 1);
    }
    return merged;
}

static const char *
text_member(yaml_document_t *document, const yaml_node_t *map, const char *key)
{
    return scalar_of(member(document, map, key, 0));
}

/* Loads the first document. 0, or -1 with what is wrong. */
static int
load(const char *text, size_t len, yaml_document_t *ret, char *reterr, size_t reterr_len)
{
    yaml_parser_t parser;
    int           ok;

    if (!yaml_parser_initialize(&parser)) {
        (void)snprintf(reterr, reterr_len, "no memory");
        return -1;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    ok = yaml_parser_load(&parser, ret);
    if (!ok)
        (void)snprintf(reterr, reterr_len, "line %zu: %s", parser.problem_mark.line + 1,
                       parser.problem ? parser.problem : "no YAML");
    yaml_parser_delete(&parser);
    return ok ? 0 : -1;
}

char *
yaml_value(const char *text, size_t len, const char *section, const char *key)
{
    yaml_document_t document;
    const char     *found;
    char           *value;
    char            why[160];

    if (load(text, len, &document, why, sizeof(why)) < 0)
        return NULL;
    found = text_member(&document, member(&document, yaml_document_get_root_node(&document), section, 0), key);
    value = found ? strdup(found) : NULL;
    yaml_document_delete(&document);
    return value;
}

/* --- ${NAME:-DEFAULT} ----------------------------------------------------------------------------------------------
 */

static size_t
name_len(const char *text)
{
    size_t len = 0;

    while (isalnum((unsigned char)text[len]) || text[len] == '_')
        len++;
    return len;
}

/* The value of the variable at `at` (after the dollar); *ret_used counts what was read of the text. */
static char *
variable(const char *at, const char *env, size_t *ret_used)
{
    bool        braces = *at == '{';
    const char *name = at + braces;
    size_t      len = name_len(name);
    char       *copy = strndup(name, len);
    char       *value = copy ? deploy_env(env, copy) : NULL;
    const char *rest = name + len;
    const char *end = braces ? strchr(rest, '}') : rest;

    free(copy);
    *ret_used = end ? (size_t)(end - at) + braces : strlen(at);
    if (end && braces && (*rest == '-' || (*rest == ':' && rest[1] == '-')) && (!value || (*rest == ':' && !*value))) {
        rest += *rest == ':' ? 2 : 1;
        free(value);
        value = strndup(rest, (size_t)(end - rest));
    }
    return value;
}

char *
compose_expand(const char *text, const char *env)
{
    char  *whole = NULL;
    size_t len = 0;
    FILE  *out = open_memstream(&whole, &len);

    if (!out)
        return NULL;
    while (*text) {
        size_t used;
        char  *value;

        if (*text != '$' || (text[1] != '{' && name_len(text + 1) == 0)) {
            text += *text == '$' && text[1] == '$';
            (void)fputc(*text++, out);
            continue;
        }
        value = variable(text + 1, env, &used);
        (void)fputs(value ? value : "", out);
        free(value);
        text += 1 + used;
    }
    return fclose(out) == 0 ? whole : NULL;
}

/* --- services ------------------------------------------------------------------------------------------------------
 */

/* Takes `text`. */
static void
replace(char **where, char *text)
{
    free(*where);
    *where = text;
}

/* "SOURCE:TARGET[:MODE]" or {source, target}. */
static void
take_volume(yaml_document_t *document, const yaml_node_t *node, const char *env, struct compose *ret)
{
    char       *text = scalar_of(node) ? compose_expand(scalar_of(node), env) : NULL;
    char       *rest = text;
    const char *source = text ? strsep(&rest, ":") : text_member(document, node, "source");
    const char *target = text ? strsep(&rest, ":") : text_member(document, node, "target");
    char      **where = !target                                   ? NULL
                        : strcmp(target, "/root/.inference") == 0 ? &ret->inference
                        : strcmp(target, "/root/.dapi") == 0      ? &ret->dapi
                                                                  : NULL;

    if (where && source && strchr("./$", *source)) /* else it is a volume's name */
        replace(where, text ? strdup(source) : compose_expand(source, env));
    free(text);
}

struct port {
    char host[64];
    char published[8];
    char target[8];
};

static void
set_number(char where[8], const char *text)
{
    size_t len = text ? strspn(text, "0123456789") : 0;

    (void)snprintf(where, 8, "%.*s", len > 0 && len <= 5 ? (int)len : 0, len ? text : "");
}

/* "[[ADDRESS:]PUBLISHED:]TARGET[/tcp]" or {target, published, host_ip}; an address in brackets is one of IPv6. */
static void
take_port(yaml_document_t *document, const yaml_node_t *node, const char *env, struct port *ret)
{
    char *text = scalar_of(node) ? compose_expand(scalar_of(node), env) : NULL;
    char *published = text ? NULL : compose_expand(text_member(document, node, "published") ?: "", env);
    char *colon = text ? strrchr(text, ':') : NULL;

    *ret = (struct port){.host = ""};
    if (text) {
        set_number(ret->target, colon ? colon + 1 : text);
        if (colon) {
            *colon = '\0';
            colon = strrchr(text, ':');
            set_number(ret->published, colon ? colon + 1 : text);
            (void)snprintf(ret->host, sizeof(ret->host), "%.*s", colon ? (int)(colon - text) : 0, text);
        }
    } else {
        set_number(ret->target, text_member(document, node, "target"));
        set_number(ret->published, published);
        (void)snprintf(ret->host, sizeof(ret->host), "%s", text_member(document, node, "host_ip") ?: "");
    }
    free(published);
    free(text);
}

/* The next element of a list that may not be there. */
#define EACH(document, list, item)                                                                    \
    for (const yaml_node_item_t *item =                                                               \
             (list) && (list)->type == YAML_SEQUENCE_NODE ? (list)->data.sequence.items.start : NULL; \
         item && item < (list)->data.sequence.items.top; item++)

static void
take_api_ports(yaml_document_t *document, const yaml_node_t *service, const struct compose_place *place,
               struct compose *ret)
{
    const yaml_node_t *ports = member(document, service, "ports", 0);

    EACH(document, ports, item)
    {
        struct port port;

        take_port(document, yaml_document_get_node(document, *item), place->env, &port);
        if (!port.published[0] || strcmp(port.target, place->nats_port) != 0)
            continue;
        (void)snprintf(ret->nats_host, sizeof(ret->nats_host), "%s",
                       !port.host[0] || strcmp(port.host, "0.0.0.0") == 0 ? "127.0.0.1" : port.host);
        (void)snprintf(ret->nats_port, sizeof(ret->nats_port), "%s", port.published);
    }
}

static void
take_proxy(yaml_document_t *document, const yaml_node_t *service, const char *env, struct compose *ret)
{
    const yaml_node_t *ports = member(document, service, "ports", 0);

    EACH(document, ports, item)
    {
        struct port port;

        take_port(document, yaml_document_get_node(document, *item), env, &port);
        if (port.published[0] && strcmp(port.target, "80") == 0)
            (void)snprintf(ret->proxy_port, sizeof(ret->proxy_port), "%s", port.published);
    }
}

/* The name compose gives to a container that has none: PROJECT-SERVICE-1. */
static char *
made_up_name(yaml_document_t *document, const yaml_node_t *root, const struct compose_place *place)
{
    const char *project = text_member(document, root, "name");
    char       *name = NULL;
    size_t      used = 0;

    if (asprintf(&name, "%s-api-1", project ? project : place->project) < 0)
        return NULL;
    for (const char *at = name; *at; at++)
        if (isalnum((unsigned char)*at) || *at == '_' || *at == '-')
            name[used++] = (char)tolower((unsigned char)*at);
    name[used] = '\0';
    return name;
}

static void
take_api(yaml_document_t *document, const yaml_node_t *root, const yaml_node_t *service,
         const struct compose_place *place, struct compose *ret)
{
    const char *container = text_member(document, service, "container_name");
    const char *network = text_member(document, service, "network_mode");

    if (container)
        replace(&ret->api_container, compose_expand(container, place->env));
    else if (!ret->api_container)
        replace(&ret->api_container, made_up_name(document, root, place));
    if (network)
        ret->api_on_host = strcmp(network, "host") == 0;
    take_api_ports(document, service, place, ret);
}

int
compose_read(const char *text, size_t len, const struct compose_place *place, struct compose *ret, char *reterr,
             size_t reterr_len)
{
    static const char *const with_homes[] = {"node", "api"};
    yaml_document_t          document;
    const yaml_node_t       *root;
    const yaml_node_t       *services;

    if (load(text, len, &document, reterr, reterr_len) < 0)
        return -1;
    root = yaml_document_get_root_node(&document);
    services = member(&document, root, "services", 0);
    if (!services || services->type != YAML_MAPPING_NODE) {
        (void)snprintf(reterr, reterr_len, "it has no services");
        yaml_document_delete(&document);
        return -1;
    }
    for (size_t i = 0; i < sizeof(with_homes) / sizeof(with_homes[0]); i++) {
        const yaml_node_t *volumes = member(&document, member(&document, services, with_homes[i], 0), "volumes", 0);

        EACH(&document, volumes, item)
        take_volume(&document, yaml_document_get_node(&document, *item), place->env, ret);
    }
    if (member(&document, services, "api", 0))
        take_api(&document, root, member(&document, services, "api", 0), place, ret);
    take_proxy(&document, member(&document, services, "proxy", 0), place->env, ret);
    yaml_document_delete(&document);
    return 0;
}

void
compose_done(struct compose *compose)
{
    free(compose->api_container);
    free(compose->inference);
    free(compose->dapi);
    *compose = (struct compose){.api_container = NULL};
}
