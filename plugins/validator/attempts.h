/*
 * attempts.h: which transactions were tried, so that a validator that is jailed again and again does not pay for each.
 * Pure.
 *
 * Attempts of the last `window` count, whether they helped or not: after `most` of them it stops until the oldest is
 * out of the window, or a person says again=true. Between two there is a pause that doubles with each.
 */
#ifndef VALIDATOR_ATTEMPTS_H
#define VALIDATOR_ATTEMPTS_H

#include <stddef.h>
#include <stdint.h>

#define VAL_ATTEMPTS_MAX 32 /* that are remembered */

struct val_attempt {
    int64_t at_ns;    /* the clock's */
    int     ended;    /* 0: the run died with it */
    int     ok;       /* the validator was seen unjailed */
    char    hash[72]; /* "" not known */
};

/* Oldest first. */
struct val_attempts {
    struct val_attempt list[VAL_ATTEMPTS_MAX];
    size_t             n;
    int                stopped; /* it was told that it stops */
};

struct val_attempt_rules {
    int64_t most;
    int64_t pause_ns;
    int64_t window_ns;
};

enum val_may { VAL_MAY, VAL_MAY_LATER, VAL_MAY_STOPPED };

/* May one be made now? Else `why` says it in a sentence. A clock that was turned back does not help: attempts of the
 * future count as made now. */
enum val_may val_attempts_may(const struct val_attempts *attempts, const struct val_attempt_rules *rules,
                              int64_t now_ns, char *why, size_t len);

/* Adds one (forgets the oldest when there is no room). */
void val_attempts_add(struct val_attempts *attempts, int64_t now_ns);

/* As val_alerts_read(), but what is not understood is refused as a whole: -1 with none in it. */
int   val_attempts_read(struct val_attempts *attempts, const char *text, size_t len);
char *val_attempts_write(const struct val_attempts *attempts);

#endif
