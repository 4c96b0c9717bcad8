/*
 * news.h: what has become of proposals since it was told last. Each fact is told once, also over restarts. Pure.
 */
#ifndef GOVERNANCE_NEWS_H
#define GOVERNANCE_NEWS_H

#include "plugins/governance/proposal.h"
#include "plugins/governance/tally.h"

#define GOV_TOLD_MAX 256
#define GOV_STEPS_MAX 16

/* Of one proposal. */
struct gov_told {
    uint64_t id;
    int      status;    /* enum gov_status */
    int      expedited; /* as it was last */
    int      reminded;  /* so many reminders are out in this voting period */
};

struct gov_tolds {
    int             any; /* 0: nothing was ever told */
    struct gov_told list[GOV_TOLD_MAX];
    size_t          n;
};

/* What is seen of one proposal now. */
struct gov_seen {
    uint64_t        id;
    enum gov_status status;
    int             expedited;
    int64_t         voting_end_ns;
    int             has_not_voted; /* 1: it is known that this account has not voted */
};

/* Reminders: so long before the end, the longest first. */
struct gov_steps {
    int64_t ns[GOV_STEPS_MAX];
    size_t  n;
};

enum gov_new {
    GOV_NEW_DEPOSIT = 1u << 0,   /* gov.proposal.deposit */
    GOV_NEW_OPENED = 1u << 1,    /* gov.proposal.opened */
    GOV_NEW_CONVERTED = 1u << 2, /* gov.proposal.converted: expedited no more, and its votes are gone */
    GOV_NEW_MISSING = 1u << 3,   /* gov.vote.missing */
    GOV_NEW_PASSED = 1u << 4,
    GOV_NEW_REJECTED = 1u << 5,
    GOV_NEW_FAILED = 1u << 6,
};

/* What is new of it; *tolds is brought up to date. `first`: at the first look ever the end of old ones is no news. */
unsigned gov_news(struct gov_tolds *tolds, const struct gov_seen *seen, const struct gov_steps *steps, int64_t now_ns);

/* Of one that was open and is not there any more (its deposit did not come together): forgets it. 1: it was told of. */
int gov_news_gone(struct gov_tolds *tolds, uint64_t id);

struct gov_told *gov_told_of(struct gov_tolds *tolds, uint64_t id); /* NULL: never told of */
/* The same, made when it is not there; the oldest goes when there are too many. */
struct gov_told *gov_told_make(struct gov_tolds *tolds, uint64_t id);

/* The document. write: NULL without memory; free(). read: what is of no use counts as nothing told. */
char *gov_tolds_write(const struct gov_tolds *tolds);
void  gov_tolds_read(const char *text, size_t len, struct gov_tolds *ret);

#endif
