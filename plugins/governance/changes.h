/*
 * changes.h: what a parameter change changes.
 *
 * A list of places in a module's parameters whose value would be another one: "epoch_params.epoch_length" and
 * "min_deposit.0.amount" (elements of lists are counted from 0). A dot within a key is written "\.".
 *
 * Pure; functions may be called from any thread on lists that the thread owns.
 */
#ifndef GOVERNANCE_CHANGES_H
#define GOVERNANCE_CHANGES_H

#include <cjson/cJSON.h>
#include <stddef.h>

/* Values as text: strings without quotes, numbers as written, {"value":"2","exponent":-1} as "0.2", all else as JSON.
 */
struct gov_change {
    char *path;
    char *before; /* NULL: not there before */
    char *after;  /* NULL: not there any more */
};

struct gov_changes {
    struct gov_change *list;
    size_t             n;
    size_t             cap;
};

/*
 * Compares two `params` objects; either may be NULL for one that is not there. The same value written in two ways is no
 * change: 5 and "5", "0.50" and "0.5", and a member that is missing against one that is zero, empty, false or null.
 * Order: as in `after`, then what only `before` has. Adds to *ret, which starts as {0}. 0 or -ENOMEM.
 */
int gov_changes_find(const cJSON *before, const cJSON *after, struct gov_changes *ret);

/* One line per change, "path: before -> after\n", "(none)" for NULL, cleaned (clean.h). The caller frees it; NULL
 * without memory. */
char *gov_changes_text(const struct gov_changes *changes);

void gov_changes_free(struct gov_changes *changes);

/*
 * The text of a value as in struct gov_change. The caller frees it. NULL without memory.
 */
char *gov_value_text(const cJSON *value);

/* 1 when the object is {"value":..., "exponent":...} and nothing else: a decimal of the inference module. */
int gov_is_scaled(const cJSON *value);

#endif
