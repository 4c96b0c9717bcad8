/* mask.c: keeps secrets out of what leaves a run. */
#include "agent/mask.h"

#include "agent/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int
needle_add(struct mask *mask, const char *text, size_t len)
{
    char **more = realloc(mask->needles, (mask->n + 1) * sizeof(*more));
    size_t at = mask->n;
    char  *copy;

    if (!more)
        return -ENOMEM;
    mask->needles = more;
    copy = strndup(text, len);
    if (!copy)
        return -ENOMEM;
    for (; at > 0 && strlen(more[at - 1]) < len; at--)
        more[at] = more[at - 1];
    more[at] = copy;
    mask->n++;
    return 0;
}

int
mask_add(struct mask *mask, const char *secret)
{
    size_t len = strlen(secret);
    int    r = 0;

    if (len < MASK_MIN)
        return 0;
    r = needle_add(mask, secret, len);
    if (!strchr(secret, '\n'))
        return r;
    for (const char *line = secret; r == 0 && *line;) {
        size_t n = strcspn(line, "\r\n");

        if (n >= MASK_LINE_MIN)
            r = needle_add(mask, line, n);
        line += n;
        line += strspn(line, "\r\n");
    }
    return r;
}

/* Length of the longest secret at the start of the text, 0 when there is none. */
static size_t
secret_at(const struct mask *mask, const char *text)
{
    for (size_t i = 0; i < mask->n; i++) {
        size_t len = strlen(mask->needles[i]);

        if (strncmp(text, mask->needles[i], len) == 0)
            return len;
    }
    return 0;
}

int
mask_finds(const struct mask *mask, const char *text)
{
    for (size_t i = 0; i < mask->n; i++)
        if (strstr(text, mask->needles[i]))
            return 1;
    return 0;
}

char *
mask_text(const struct mask *mask, const char *text)
{
    char  *copy = strdup(text); /* "***" is shorter than any needle */
    size_t n = 0;

    if (!copy || !mask_finds(mask, text))
        return copy;
    while (*text) {
        size_t len = secret_at(mask, text);

        if (len > 0) {
            memcpy(copy + n, MASK_TEXT, sizeof(MASK_TEXT) - 1);
            n += sizeof(MASK_TEXT) - 1;
            text += len;
        } else {
            copy[n++] = *text++;
        }
    }
    copy[n] = '\0';
    return copy;
}

/* One string of a document, replaced where it must be. */
static int
clean_string(const struct mask *mask, char **text)
{
    char *masked;

    if (!*text)
        return 0;
    wire_text_repair(*text);
    if (!mask_finds(mask, *text))
        return 0;
    masked = mask_text(mask, *text);
    if (!masked)
        return -ENOMEM;
    cJSON_free(*text);
    *text = masked; /* cJSON was given no allocator of its own: both are malloc's */
    return 1;
}

int
mask_json(const struct mask *mask, cJSON *node)
{
    int found = 0;

    for (; node; node = node->next) {
        int r = node->string && !(node->type & cJSON_StringIsConst) ? clean_string(mask, &node->string) : 0;

        if (r >= 0)
            found |= r;
        if (r >= 0 && cJSON_IsString(node) && !(node->type & cJSON_IsReference)) {
            r = clean_string(mask, &node->valuestring);
            found |= r > 0;
        }
        if (r >= 0 && node->child && !(node->type & cJSON_IsReference)) {
            r = mask_json(mask, node->child);
            found |= r > 0;
        }
        if (r < 0)
            return r;
    }
    return found;
}

void
mask_done(struct mask *mask)
{
    for (size_t i = 0; i < mask->n; i++) {
        explicit_bzero(mask->needles[i], strlen(mask->needles[i]));
        free(mask->needles[i]);
    }
    free(mask->needles);
    *mask = (struct mask){.needles = NULL};
}
