/*
 * yes.h: the five yeses without which nothing is unjailed. Pure.
 *
 * What could not be asked is VAL_CANNOT_TELL, never VAL_YES.
 */
#ifndef VALIDATOR_YES_H
#define VALIDATOR_YES_H

#include "plugins/validator/look.h"

#define VAL_YESES 5

enum val_yes { VAL_CANNOT_TELL = 0, VAL_NO, VAL_YES };

struct val_answer {
    const char  *name;
    enum val_yes yes;
    char         text[700]; /* what was seen */
    char         fix[400];  /* the command or the step that would make it a yes; "" when it is one */
};

/* In this order: jail-time, not-tombstoned, synced, key, cause. */
struct val_five {
    struct val_answer answers[VAL_YESES];
};

void        val_five_judge(const struct val_seen *seen, struct val_five *ret);
const char *val_yes_name(enum val_yes yes); /* "yes", "no", "unknown" */

/* GA_OK: five yeses; GA_REFUSED: one is a no; GA_UNKNOWN: none is, and one could not be told. */
int val_five_verdict(const struct val_five *five);

/* The first answer that decided against it; NULL with five yeses. */
const struct val_answer *val_five_decisive(const struct val_five *five);

#endif
