/*
 * test_backup_pruner_models.h: models of homes for tests of backup-pruner's judgement. Asserts of cmocka end the test
 * that calls.
 */
#ifndef TEST_BACKUP_PRUNER_MODELS_H
#define TEST_BACKUP_PRUNER_MODELS_H

#include "plugins/backup-pruner/model.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define GB UINT64_C(1000000000)
#define HOUR_NS (3600 * BP_SECOND_NS)

/* 2025-12-31T12:00:00Z */
#define NOW_NS (INT64_C(1767182400) * BP_SECOND_NS)

#define MODEL_PARTS 4u

struct model {
    struct bp_home  home;
    struct bp_rules rules;
    struct bp_copy  copies[8];
};

/* What data/ and a whole copy have at the top: two databases, two files. */
extern struct bp_part model_parts[MODEL_PARTS];

struct bp_tree whole_tree(void);

/* A copy against which nothing speaks; its name is to be freed. */
struct bp_copy good_copy(const char *name);

/* A home with good copies of the given names; the array ends with NULL. To be freed with model_free. */
struct model *model_make(const char *const *names);
void          model_free(struct model *model);

void         plan(struct model *model);
enum bp_fate fate_of(const struct model *model, const char *name);

#endif
