/* wanted.c: which age a stream should have. */
#include "plugins/nats-ttl/ttl.h"

#include <stdlib.h>
#include <string.h>

int
wanted_is_pattern(const char *text)
{
    return strpbrk(text, "*>") != NULL;
}

/* '*' is any run of characters, '>' at the end is one or more. Without recursion: names may be hostile. */
static int
matches(const char *pattern, const char *name)
{
    const char *star = NULL;
    const char *back = NULL;

    while (*name) {
        if (*pattern == '>' && pattern[1] == 0)
            return 1;
        if (*pattern == '*') {
            star = pattern++;
            back = name;
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star + 1;
            name = ++back;
        } else {
            return 0;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == 0;
}

static size_t
plain_characters(const char *pattern)
{
    size_t n = 0;

    for (; *pattern; pattern++)
        n += *pattern != '*' && *pattern != '>';
    return n;
}

/* A pattern must name such a prefix itself. */
static int
spares(const char *pattern, const char *stream)
{
    static const char *const prefixes[] = {"KV_", "OBJ_"};

    for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
        size_t len = strlen(prefixes[i]);

        if (strncmp(stream, prefixes[i], len) == 0 && strncmp(pattern, prefixes[i], len) != 0)
            return 1;
    }
    return 0;
}

const struct wanted_entry *
wanted_for(const struct wanted *wanted, const char *stream)
{
    const struct wanted_entry *best = NULL;
    size_t                     best_plain = 0;

    for (size_t i = 0; i < wanted->n; i++) {
        const struct wanted_entry *entry = &wanted->entries[i];
        size_t                     plain;

        if (!wanted_is_pattern(entry->pattern)) {
            if (strcmp(entry->pattern, stream) == 0)
                return entry;
            continue;
        }
        if (!matches(entry->pattern, stream) || spares(entry->pattern, stream))
            continue;
        plain = plain_characters(entry->pattern);
        if (!best || plain > best_plain) {
            best = entry;
            best_plain = plain;
        }
    }
    return best;
}

int
wanted_load(struct ga_run *run, const struct ga_host *host, struct wanted *ret)
{
    size_t               n = host->count(run, "streams");
    struct wanted_entry *entries = calloc(n ? n : 1, sizeof(*entries));

    if (!entries)
        return -1;
    for (size_t i = 0; i < n; i++) {
        entries[i].pattern = host->map_key(run, "streams", i);
        entries[i].age_ns = host->num_at(run, "streams", i);
    }
    ret->entries = entries;
    ret->n = n;
    return 0;
}
