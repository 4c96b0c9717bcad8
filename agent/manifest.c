/* manifest.c: a YAML file as a tree with places. */
#include "agent/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

struct parse {
    yaml_parser_t       parser;
    struct diagnostics *diagnostics;
    const char         *text;
    size_t              len;
    unsigned            nodes;
    unsigned            depth;
    bool                partly; /* keep what came whole before an error */
    bool                hollow; /* something was left out: the tree is not what was written */
};

static struct place
place_of(yaml_mark_t mark)
{
    return (struct place){.line = (unsigned)mark.line + 1, .column = (unsigned)mark.column + 1};
}

void
node_free(struct node *node)
{
    if (!node)
        return;
    for (size_t i = 0; i < node->count; i++) {
        node_free(node->items[i]);
        if (node->keys)
            node_free(node->keys[i]);
    }
    free(node->items);
    free(node->keys);
    free(node->text);
    free(node);
}

struct node *
node_get(const struct node *map, const char *key)
{
    if (!map || map->type != NODE_MAP)
        return NULL;
    for (size_t i = 0; i < map->count; i++)
        if (strcmp(map->keys[i]->text, key) == 0)
            return map->items[i];
    return NULL;
}

bool
node_is_null(const struct node *node)
{
    return node->type == NODE_SCALAR && !node->quoted &&
           (!*node->text || strcmp(node->text, "null") == 0 || strcmp(node->text, "~") == 0);
}

const char *
node_kind(const struct node *node)
{
    return node->type == NODE_MAP ? "a map" : node->type == NODE_LIST ? "a list" : "a value";
}

/* Where a byte is; the reader, unlike the scanner, counts no lines. */
static struct place
place_at(const struct parse *parse, size_t offset)
{
    struct place place = {.line = 1, .column = 1};

    for (size_t i = 0; i < offset && i < parse->len; i++)
        if (parse->text[i] == '\n') {
            place.line++;
            place.column = 1;
        } else if (((unsigned char)parse->text[i] & 0xc0) != 0x80) {
            place.column++;
        }
    return place;
}

/* Is there a tab at this place? Marks count characters, not bytes. */
static bool
is_tab(const struct parse *parse, yaml_mark_t mark)
{
    const char *at = parse->text;
    const char *end = parse->text + parse->len;

    for (size_t line = 0; at && line < mark.line; line++) {
        at = memchr(at, '\n', (size_t)(end - at));
        at = at ? at + 1 : NULL;
    }
    for (size_t column = 0; at && at < end && column < mark.column; column++)
        do
            at++;
        while (at < end && ((unsigned char)*at & 0xc0) == 0x80);
    return at && at < end && *at == '\t';
}

/* Says what the parser found wrong. */
static void
parser_error(struct parse *parse)
{
    const yaml_parser_t *parser = &parse->parser;
    const char          *problem = parser->problem ? parser->problem : "not YAML";

    if (parser->error == YAML_MEMORY_ERROR)
        diagnose(parse->diagnostics, (struct place){.line = 0}, "no memory");
    else if (parser->error == YAML_READER_ERROR)
        diagnose(parse->diagnostics, place_at(parse, parser->problem_offset), "not readable as UTF-8 text: %s",
                 problem);
    else if (is_tab(parse, parser->problem_mark))
        diagnose(parse->diagnostics, place_of(parser->problem_mark), "a tab: indent with blanks");
    else if (parser->context)
        diagnose(parse->diagnostics, place_of(parser->problem_mark), "%s %s (which begins in line %zu)", problem,
                 parser->context, parser->context_mark.line + 1);
    else
        diagnose(parse->diagnostics, place_of(parser->problem_mark), "%s", problem);
}

static bool
next_event(struct parse *parse, yaml_event_t *event)
{
    if (yaml_parser_parse(&parse->parser, event))
        return true;
    parser_error(parse);
    return false;
}

static struct node *
node_new(struct parse *parse, enum node_type type, yaml_mark_t mark)
{
    struct node *node;

    if (++parse->nodes > MANIFEST_NODES_MAX) {
        diagnose(parse->diagnostics, place_of(mark), "more than %d values", MANIFEST_NODES_MAX);
        return NULL;
    }
    node = calloc(1, sizeof(*node));
    if (!node) {
        diagnose(parse->diagnostics, place_of(mark), "no memory");
        return NULL;
    }
    node->type = type;
    node->place = place_of(mark);
    return node;
}

static struct node *
scalar(struct parse *parse, const yaml_event_t *event)
{
    struct node *node = node_new(parse, NODE_SCALAR, event->start_mark);
    const char  *text = (const char *)event->data.scalar.value;

    if (!node)
        return NULL;
    if (strlen(text) != event->data.scalar.length) {
        diagnose(parse->diagnostics, node->place, "a NUL character in a value");
        node_free(node);
        return NULL;
    }
    node->text = strdup(text);
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if (!node->text) {
        node_free(node);
        return NULL;
    }
    return node;
}

/* What this subset leaves out. Anchors and tags are passed over, so that the rest is looked at all the same. */
static void
check_plain(struct parse *parse, const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL;
    const yaml_char_t *tag = NULL;

    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    if (anchor)
        diagnose(parse->diagnostics, place_of(event->start_mark),
                 "an anchor (&%s): write the value out where it is needed", (const char *)anchor);
    if (tag)
        diagnose(parse->diagnostics, place_of(event->start_mark), "a tag (%s): not used here, leave it out",
                 (const char *)tag);
}

/* Stands for an alias, so that what follows is looked at. */
static struct node *
alias(struct parse *parse, const yaml_event_t *event)
{
    struct node *node = node_new(parse, NODE_SCALAR, event->start_mark);

    diagnose(parse->diagnostics, place_of(event->start_mark), "an alias (*%s): write the value out",
             (const char *)event->data.alias.anchor);
    parse->hollow = true;
    if (node)
        node->text = strdup("");
    if (node && node->text)
        return node;
    node_free(node);
    return NULL;
}

static bool
append(struct node *node, struct node *key, struct node *value)
{
    struct node **items = reallocarray(node->items, node->count + 1, sizeof(*items));
    struct node **keys;

    if (!items)
        return false;
    node->items = items;
    if (key) {
        keys = reallocarray(node->keys, node->count + 1, sizeof(*keys));
        if (!keys)
            return false;
        node->keys = keys;
        keys[node->count] = key;
    }
    items[node->count++] = value;
    return true;
}

static struct node *value_from(struct parse *parse, yaml_event_t *event);

static struct node *
list(struct parse *parse, yaml_mark_t mark)
{
    struct node *node = node_new(parse, NODE_LIST, mark);
    yaml_event_t event;

    while (node) {
        struct node *item;

        if (!next_event(parse, &event))
            break;
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            return node;
        }
        item = value_from(parse, &event);
        if (!item || !append(node, NULL, item)) {
            node_free(item);
            break;
        }
    }
    node_free(node);
    return NULL;
}

/* 1 pair added, 0 the map has ended, -1 error */
static int
pair(struct parse *parse, struct node *map)
{
    yaml_event_t event;
    struct node *key;
    struct node *value = NULL;

    if (!next_event(parse, &event))
        return -1;
    if (event.type == YAML_MAPPING_END_EVENT) {
        yaml_event_delete(&event);
        return 0;
    }
    key = value_from(parse, &event);
    if (key && next_event(parse, &event))
        value = value_from(parse, &event);
    if (!value) {
        node_free(key);
        return -1;
    }
    if (key->type != NODE_SCALAR) {
        diagnose(parse->diagnostics, key->place, "a key must be a word, not %s", node_kind(key));
        parse->hollow = true;
        node_free(key);
        node_free(value);
        return 1;
    }
    if (node_get(map, key->text)) /* both stay in the tree: other errors are looked for all the same */
        diagnose(parse->diagnostics, key->place, "'%s' is given twice in this map", key->text);
    if (!append(map, key, value)) {
        node_free(key);
        node_free(value);
        return -1;
    }
    return 1;
}

static struct node *
map(struct parse *parse, yaml_mark_t mark)
{
    struct node *node = node_new(parse, NODE_MAP, mark);
    int          r = node ? 1 : -1;

    while (r == 1)
        r = pair(parse, node);
    if (r == 0)
        return node;
    if (node && parse->partly && parse->depth == 1) {
        parse->hollow = true;
        return node;
    }
    node_free(node);
    return NULL;
}

/* Takes the event. */
static struct node *
value_from(struct parse *parse, yaml_event_t *event)
{
    struct node      *node = NULL;
    yaml_event_type_t type = event->type;
    yaml_mark_t       mark = event->start_mark;
    bool              leaf = type == YAML_SCALAR_EVENT || type == YAML_ALIAS_EVENT;

    check_plain(parse, event);
    if (leaf)
        node = type == YAML_SCALAR_EVENT ? scalar(parse, event) : alias(parse, event);
    yaml_event_delete(event);
    if (leaf)
        return node;
    if (++parse->depth > MANIFEST_DEPTH_MAX)
        diagnose(parse->diagnostics, place_of(mark), "nested more than %d deep", MANIFEST_DEPTH_MAX);
    else
        node = type == YAML_SEQUENCE_START_EVENT ? list(parse, mark) : map(parse, mark);
    parse->depth--;
    return node;
}

/* The stream's and the document's own events around the one value. */
static struct node *
document(struct parse *parse)
{
    yaml_event_t event;
    struct node *node = NULL;

    while (!parse->hollow || !parse->partly) {
        yaml_event_type_t type;
        yaml_mark_t       mark;

        if (!next_event(parse, &event))
            break;
        type = event.type;
        mark = event.start_mark;
        if (type == YAML_STREAM_END_EVENT) {
            yaml_event_delete(&event);
            return node ? node : node_new(parse, NODE_MAP, mark);
        }
        if (type == YAML_STREAM_START_EVENT || type == YAML_DOCUMENT_START_EVENT || type == YAML_DOCUMENT_END_EVENT) {
            yaml_event_delete(&event);
            if (type != YAML_DOCUMENT_START_EVENT || !node)
                continue;
            diagnose(parse->diagnostics, place_of(mark), "a second document: one file holds one manifest");
            break;
        }
        node = value_from(parse, &event);
        if (!node)
            break;
    }
    if (parse->partly)
        return node;
    node_free(node);
    return NULL;
}

static struct node *
parse_text(const char *text, size_t len, bool partly, struct diagnostics *diagnostics)
{
    struct parse parse = {.diagnostics = diagnostics, .text = text, .len = len, .partly = partly};
    size_t       errors = diagnostics->errors;
    struct node *node;

    if (!yaml_parser_initialize(&parse.parser)) {
        diagnose(diagnostics, (struct place){.line = 0}, "no memory");
        return NULL;
    }
    yaml_parser_set_encoding(&parse.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parse.parser, (const unsigned char *)text, len);
    node = document(&parse);
    yaml_parser_delete(&parse.parser);
    if (!node && diagnostics->errors == errors)
        diagnose(diagnostics, (struct place){.line = 0}, "no memory");
    if (!parse.hollow || partly)
        return node;
    node_free(node);
    return NULL;
}

struct node *
manifest_parse(const char *text, size_t len, struct diagnostics *diagnostics)
{
    return parse_text(text, len, false, diagnostics);
}

static ssize_t
read_whole(int fd, char *buf, size_t len)
{
    size_t got = 0;

    while (got < len) {
        ssize_t n = read(fd, buf + got, len - got);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

static struct node *
read_file(const char *path, bool partly, struct diagnostics *diagnostics)
{
    const struct place whole = {.line = 0};
    char              *text = malloc(MANIFEST_MAX + 1);
    int                fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* a fifo must not hang us */
    struct stat        st;
    ssize_t            n = -1;
    struct node       *node = NULL;

    if (fd < 0 || fstat(fd, &st) < 0)
        diagnose(diagnostics, whole, "cannot be read: %m%s",
                 errno == ENOENT ? "; name another with -c, or write one with `gonka-agent init`" : "");
    else if (!S_ISREG(st.st_mode))
        diagnose(diagnostics, whole, "is no regular file");
    else if (!text || (n = read_whole(fd, text, MANIFEST_MAX + 1)) < 0)
        diagnose(diagnostics, whole, "cannot be read: %m");
    else if (n > (ssize_t)MANIFEST_MAX)
        diagnose(diagnostics, whole, "is larger than %u KiB: no manifest needs that", MANIFEST_MAX >> 10);
    else
        node = parse_text(text, (size_t)n, partly, diagnostics);
    free(text);
    if (fd >= 0)
        (void)close(fd);
    return node;
}

struct node *
manifest_read(const char *path, struct diagnostics *diagnostics)
{
    return read_file(path, false, diagnostics);
}

struct node *
manifest_read_partly(const char *path, struct diagnostics *diagnostics)
{
    return read_file(path, true, diagnostics);
}
