/* draft_parts.h: what draft.c, draft_params.c and draft_upgrade.c share. */
#ifndef GOVERNANCE_DRAFT_PARTS_H
#define GOVERNANCE_DRAFT_PARTS_H

#include "plugins/governance/draft.h"

/* The file with this one message, which it takes in any case; `@type` and `authority` are put first. 0 or -ENOMEM. */
int gov_draft_file(const struct gov_draft *draft, const char *type_url, const char *member, cJSON *value, cJSON **ret);

#endif
