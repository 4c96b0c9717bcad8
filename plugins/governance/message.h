/* message.h: one message of a proposal; used by proposal.c alone. */
#ifndef GOVERNANCE_MESSAGE_H
#define GOVERNANCE_MESSAGE_H

#include "plugins/governance/proposal.h"

/*
 * Decodes messages.<n>. The message borrows from `json`. 0, -EBADMSG with "messages.<n>....: ..." in `why`, -ENOMEM;
 * free it with gov_message_free() in any case.
 */
int gov_message_decode(const cJSON *json, size_t n, struct gov_message *ret, char *why, size_t len);

void gov_message_free(struct gov_message *message);

/* A list of coins, or a missing one, which is empty. The same errors; `place` names it. Free ret->list after 0. */
int gov_coins_read(const cJSON *list, const char *place, struct gov_coins *ret, char *why, size_t len);

/*
 * Reads the JSON in a plan's `info` into the upgrade's info_json, binaries and node_version. 0; -EBADMSG when it has
 * not the documented form or could be read in two ways, with what is wrong in `why`; -ENOMEM. An empty info is no
 * error.
 */
int gov_info_decode(const char *info, struct gov_upgrade *ret, char *why, size_t len);

#endif
