/* fakehost_values.c: the manifest's text of a value, and the getters that hand it to the task. */
#include "tests/fakehost/fakehost_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

/* The value being read. */
struct reading {
    const struct ga_option *option;
    yaml_document_t        *document;
    size_t                  visited; /* more than there are: something was visited twice, so there is an alias */
    char                   *reterr;
    size_t                  reterr_len;
};

__attribute__((format(printf, 2, 3))) static int
wrong(struct reading *reading, const char *format, ...)
{
    int     n = snprintf(reading->reterr, reading->reterr_len, "'%s' ", reading->option->key);
    va_list args;

    if (n >= 0 && (size_t)n < reading->reterr_len) {
        va_start(args, format);
        (void)vsnprintf(reading->reterr + n, reading->reterr_len - (size_t)n, format, args);
        va_end(args);
    }
    return -1;
}

static void
value_done(struct fh_value *value)
{
    for (size_t i = 0; i < value->n; i++)
        value_done(&value->items[i]);
    free(value->items);
    free(value->key);
    free(value->text);
}

void
fh_value_free(struct fh_value *value)
{
    if (!value)
        return;
    value_done(value);
    free(value);
}

struct fh_slot *
fh_slot(const struct fh_table *table, const char *key)
{
    for (size_t i = 0; table && key && i < table->n; i++)
        if (strcmp(table->slots[i].option->key, key) == 0)
            return &table->slots[i];
    return NULL;
}

/* --- from YAML -----------------------------------------------------------------------------------------------------
 */

/* The scalar's text; NULL when it is none, or holds a NUL. */
static const char *
scalar_text(const yaml_node_t *node)
{
    const char *text = (const char *)node->data.scalar.value;

    return node->type == YAML_SCALAR_NODE && strlen(text) == node->data.scalar.length ? text : NULL;
}

static int
is_null(const yaml_node_t *node)
{
    const char *text = scalar_text(node);

    return text && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (!*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

static int
visit(struct reading *reading, const yaml_node_t *node)
{
    static const char *const tags[] = {NULL, YAML_STR_TAG, YAML_SEQ_TAG, YAML_MAP_TAG};

    reading->visited++;
    if (!node || node->type == YAML_NO_NODE)
        return wrong(reading, "has no value");
    if (strcmp((const char *)node->tag, tags[node->type]) != 0)
        return wrong(reading, "has a tag (%s), leave it out", (const char *)node->tag);
    return 0;
}

static int
read_secret(struct reading *reading, yaml_node_t *node, struct fh_value *value)
{
    char                    why[FH_FAULT_MAX];
    const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
    const char             *kind = NULL;
    const char             *name = NULL;

    if (node->type == YAML_SCALAR_NODE) {
        value->text = scalar_text(node) && *scalar_text(node) ? strdup(scalar_text(node)) : NULL;
        return value->text ? 0 : wrong(reading, "is a secret that is empty or no text");
    }
    if (node->type == YAML_MAPPING_NODE && node->data.mapping.pairs.top == pair + 1) {
        yaml_node_t *key_node = yaml_document_get_node(reading->document, pair->key);
        yaml_node_t *name_node = yaml_document_get_node(reading->document, pair->value);

        reading->visited += 2;
        kind = key_node ? scalar_text(key_node) : NULL;
        name = name_node ? scalar_text(name_node) : NULL;
    }
    if (!kind || !name)
        return wrong(reading, "is a secret: {file: /path}, {credential: name}, {env: NAME}, or here the secret itself");
    return fh_secret_read(kind, name, &value->text, why, sizeof(why)) == 0 ? 0 : wrong(reading, "%s", why);
}

static int
read_one(struct reading *reading, yaml_node_t *node, struct fh_value *value)
{
    char        why[FH_FAULT_MAX];
    const char *text;

    if (visit(reading, node) < 0)
        return -1;
    if (is_null(node))
        return wrong(reading, "has no value: give one, or \"\" for an empty text");
    if (GA_T_BASE(reading->option->type) == GA_T_SECRET)
        return read_secret(reading, node, value);
    if (node->type != YAML_SCALAR_NODE)
        return wrong(reading, "must be one value, not %s", node->type == YAML_MAPPING_NODE ? "a map" : "a list");
    text = scalar_text(node);
    if (!text)
        return wrong(reading, "has a NUL character in it");
    return fh_scalar_parse(reading->option, text, value, why, sizeof(why)) == 0 ? 0 : wrong(reading, "%s", why);
}

static int
read_list(struct reading *reading, const yaml_node_t *node, struct fh_value *value)
{
    const yaml_node_item_t *item = node->data.sequence.items.start;
    size_t                  n = (size_t)(node->data.sequence.items.top - item);

    value->items = calloc(n ? n : 1, sizeof(*value->items));
    if (!value->items)
        return wrong(reading, "no memory");
    for (value->n = 0; value->n < n;) {
        yaml_node_t *element = yaml_document_get_node(reading->document, item[value->n]);

        value->n++; /* first: what is half read is freed, too */
        if (read_one(reading, element, &value->items[value->n - 1]) < 0)
            return -1;
    }
    return 0;
}

/* The key of a pair goes to the value's last item. */
static int
read_key(struct reading *reading, const yaml_node_t *node, struct fh_value *value)
{
    const char *key;

    if (visit(reading, node) < 0)
        return -1;
    key = scalar_text(node);
    if (!key)
        return wrong(reading, "has a key that is no text");
    for (size_t i = 0; i + 1 < value->n; i++)
        if (strcmp(value->items[i].key, key) == 0)
            return wrong(reading, "has the key '%s' twice", key);
    value->items[value->n - 1].key = strdup(key);
    return value->items[value->n - 1].key ? 0 : wrong(reading, "no memory");
}

static int
read_map(struct reading *reading, const yaml_node_t *node, struct fh_value *value)
{
    const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
    size_t                  n = (size_t)(node->data.mapping.pairs.top - pair);

    value->items = calloc(n ? n : 1, sizeof(*value->items));
    if (!value->items)
        return wrong(reading, "no memory");
    for (value->n = 0; value->n < n;) {
        yaml_node_t *key = yaml_document_get_node(reading->document, pair[value->n].key);
        yaml_node_t *element = yaml_document_get_node(reading->document, pair[value->n].value);

        value->n++;
        if (read_key(reading, key, value) < 0 || read_one(reading, element, &value->items[value->n - 1]) < 0)
            return -1;
    }
    return 0;
}

static int
read_root(struct reading *reading, struct fh_value *value)
{
    yaml_node_t *root = yaml_document_get_root_node(reading->document);
    uint32_t     type = reading->option->type;
    size_t       n = (size_t)(reading->document->nodes.top - reading->document->nodes.start);
    int          r;

    if (!root)
        return wrong(reading, "has no value: give one, or \"\" for an empty text");
    if (!(type & (GA_T_LIST | GA_T_MAP))) {
        r = read_one(reading, root, value);
    } else if (visit(reading, root) < 0) {
        r = -1;
    } else if (root->type != (type & GA_T_LIST ? YAML_SEQUENCE_NODE : YAML_MAPPING_NODE)) {
        r = wrong(reading, "must be a %s", type & GA_T_LIST ? "list: [a, b]" : "map: {name: value}");
    } else {
        r = type & GA_T_LIST ? read_list(reading, root, value) : read_map(reading, root, value);
    }
    return r == 0 && reading->visited > n ? wrong(reading, "has an alias (*name), write the value out") : r;
}

/* Loads the one document. 0 with it in reading (delete it), or -1. */
static int
load(struct reading *reading, yaml_parser_t *parser, yaml_document_t *document)
{
    yaml_document_t more;
    int             alone;

    if (!yaml_parser_load(parser, document))
        return wrong(reading, "is not YAML: %s", parser->problem ? parser->problem : "cannot be read");
    reading->document = document;
    if (!yaml_parser_load(parser, &more)) {
        alone = 0;
    } else {
        alone = yaml_document_get_root_node(&more) == NULL;
        yaml_document_delete(&more);
    }
    return alone ? 0 : wrong(reading, "has something behind its value");
}

int
fh_value_parse(const struct ga_option *option, const char *text, struct fh_value **ret, char *reterr, size_t reterr_len)
{
    struct reading   reading = {.option = option, .reterr = reterr, .reterr_len = reterr_len};
    yaml_parser_t    parser;
    yaml_document_t  document;
    struct fh_value *value = calloc(1, sizeof(*value));
    int              r;

    if (!value || !yaml_parser_initialize(&parser)) {
        free(value);
        return wrong(&reading, "no memory");
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, strlen(text));
    r = load(&reading, &parser, &document);
    if (r == 0)
        r = read_root(&reading, value);
    if (reading.document)
        yaml_document_delete(&document);
    yaml_parser_delete(&parser);
    if (r == 0)
        *ret = value;
    else
        fh_value_free(value);
    return r;
}

/* --- the getters ---------------------------------------------------------------------------------------------------
 */

/* What a key stands for. Arguments hide options of the same key, when they have a value. NULL: a breach. */
static const struct fh_slot *
look_up(struct ga_run *run, const char *what, const char *key)
{
    struct fakehost      *fh = run->fh;
    const struct fh_slot *arg;
    const struct fh_slot *option;

    if (!fh_own_thread(fh, what))
        return NULL;
    arg = fh_slot(fh->task_args, key);
    option = fh_slot(&fh->options, key);
    if (!arg && !option)
        fh_leave(fh, "task '%s' asked %s(\"%.80s\"), which is no option and no argument of it", fh->task->name, what,
                 key ? key : "");
    if (arg && (arg->value || !option || !option->value))
        return arg;
    return option;
}

/* Leaves the task unless the key was asked for as what it is. */
static void
demand(struct ga_run *run, const char *what, const struct fh_slot *slot, int ok)
{
    char type[64];

    if (!ok)
        fh_leave(run->fh, "task '%s' asked %s(\"%s\"), which is of type %s", run->fh->task->name, what,
                 slot->option->key, fh_type_name(slot->option->type, type, sizeof(type)));
}

static int
is_many(const struct fh_slot *slot)
{
    return (slot->option->type & (GA_T_LIST | GA_T_MAP)) != 0;
}

int
fh_has(struct ga_run *run, const char *key)
{
    const struct fh_slot *slot = look_up(run, "has", key);

    if (!slot || !slot->value)
        return 0;
    return is_many(slot) ? slot->value->n > 0 : 1;
}

const char *
fh_str(struct ga_run *run, const char *key)
{
    const struct fh_slot *slot = look_up(run, "str", key);

    if (!slot)
        return NULL;
    demand(run, "str", slot, !is_many(slot) && !fh_is_number(slot->option->type));
    return slot->value ? slot->value->text : NULL;
}

int64_t
fh_num(struct ga_run *run, const char *key)
{
    const struct fh_slot *slot = look_up(run, "num", key);

    if (!slot)
        return 0;
    demand(run, "num", slot, !is_many(slot) && fh_is_number(slot->option->type));
    return slot->value ? slot->value->number : 0;
}

size_t
fh_count(struct ga_run *run, const char *key)
{
    const struct fh_slot *slot = look_up(run, "count", key);

    if (!slot)
        return 0;
    demand(run, "count", slot, is_many(slot));
    return slot->value ? slot->value->n : 0;
}

/* Element i, which must be there. NULL: another thread asked. */
static const struct fh_value *
element(struct ga_run *run, const char *what, const char *key, size_t i, const struct fh_slot **ret_slot)
{
    const struct fh_slot *slot = look_up(run, what, key);
    size_t                n;

    if (!slot)
        return NULL;
    demand(run, what, slot, is_many(slot));
    n = slot->value ? slot->value->n : 0;
    if (i >= n)
        fh_leave(run->fh, "task '%s' asked %s(\"%s\", %zu), which has %zu elements", run->fh->task->name, what, key, i,
                 n);
    *ret_slot = slot;
    return &slot->value->items[i];
}

const char *
fh_map_key(struct ga_run *run, const char *key, size_t i)
{
    const struct fh_slot  *slot;
    const struct fh_value *value = element(run, "map_key", key, i, &slot);

    if (!value)
        return NULL;
    demand(run, "map_key", slot, (slot->option->type & GA_T_MAP) != 0);
    return value->key;
}

const char *
fh_str_at(struct ga_run *run, const char *key, size_t i)
{
    const struct fh_slot  *slot;
    const struct fh_value *value = element(run, "str_at", key, i, &slot);

    if (!value)
        return NULL;
    demand(run, "str_at", slot, !fh_is_number(slot->option->type));
    return value->text;
}

int64_t
fh_num_at(struct ga_run *run, const char *key, size_t i)
{
    const struct fh_slot  *slot;
    const struct fh_value *value = element(run, "num_at", key, i, &slot);

    if (!value)
        return 0;
    demand(run, "num_at", slot, fh_is_number(slot->option->type));
    return value->number;
}
