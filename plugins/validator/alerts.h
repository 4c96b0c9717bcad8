/*
 * alerts.h: which alerts are open, so that each change is told once, also across restarts. Pure.
 *
 * An alert that is open is told again when its level rises, or when it is another one of the same level. It is closed
 * by a finding that is fine; one that is unknown leaves it as it is. The level that was told is kept until it closes:
 * an alert that comes and goes between two levels is not told each time.
 */
#ifndef VALIDATOR_ALERTS_H
#define VALIDATOR_ALERTS_H

#include "plugins/validator/judge.h"

#define VAL_ALERTS_MAX 32

struct val_alert {
    char    what[32];
    int     level;
    char    detail[VAL_DETAIL_MAX];
    int64_t since_ns;
};

struct val_alerts {
    struct val_alert list[VAL_ALERTS_MAX];
    size_t           n;
};

enum val_tell { VAL_TELL_NOTHING, VAL_TELL_RAISED, VAL_TELL_RECOVERED };

/* Judges one finding and brings `alerts` up to date. `now_ns` is the clock's. */
enum val_tell val_alerts_step(struct val_alerts *alerts, const struct val_finding *finding, int64_t now_ns);

const struct val_alert *val_alert(const struct val_alerts *alerts, const char *what); /* NULL: not open */

/* The document of the state. Reading takes what it understands; a text that is none leaves no alerts: -1. */
int   val_alerts_read(struct val_alerts *alerts, const char *text, size_t len);
char *val_alerts_write(const struct val_alerts *alerts); /* the caller's (cJSON_free()); NULL without memory */

#endif
