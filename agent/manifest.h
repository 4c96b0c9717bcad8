/*
 * manifest.h: a YAML file as a tree with places.
 *
 * The subset that configuration needs: maps, lists and scalars. Anchors, aliases, tags, further documents, keys that
 * are no scalars and keys given twice are errors with their place. All of them are found in one go; only what breaks
 * YAML's syntax, or a limit below, ends the search.
 */
#ifndef AGENT_MANIFEST_H
#define AGENT_MANIFEST_H

#include "agent/diagnostics.h"

#define MANIFEST_MAX (1u << 20) /* bytes */
#define MANIFEST_DEPTH_MAX 32
#define MANIFEST_NODES_MAX 10000

enum node_type { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
    enum node_type type;
    struct place   place;
    char          *text;   /* scalar */
    bool           quoted; /* scalar: in quotes, never null, true or a number by its looks */
    struct node  **items;  /* list: elements; map: values */
    struct node  **keys;   /* map */
    size_t         count;
};

/* Parses a document. NULL when anything is wrong, which is in `diagnostics` then. An empty document is an empty map. */
struct node *manifest_parse(const char *text, size_t len, struct diagnostics *diagnostics);

/* Reads and parses a file. */
struct node *manifest_read(const char *path, struct diagnostics *diagnostics);

/*
 * The same for who needs one part only: with a syntax error, which is diagnosed all the same, the keys of the outermost
 * map that came whole before it. NULL when there is not even a map.
 */
struct node *manifest_read_partly(const char *path, struct diagnostics *diagnostics);

void node_free(struct node *node); /* accepts NULL */

/* The value of a key; NULL when there is none or this is no map (NULL included). */
struct node *node_get(const struct node *map, const char *key);

/* A plain scalar without text, `null` or `~`? */
bool node_is_null(const struct node *node);

/* "a map", "a list", "a value" */
const char *node_kind(const struct node *node);

#endif
