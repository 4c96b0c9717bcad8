/* source.h: which upgrade comes next. */
#ifndef UPGRADE_PRELOAD_SOURCE_H
#define UPGRADE_PRELOAD_SOURCE_H

#include "kit/chain_options.h"
#include "plugins/upgrade-preload/decide.h"

#include <gonka-agent/plugin.h>

#include <stddef.h>
#include <stdint.h>

#define UP_WHY 600

enum up_found {
    UP_FOUND_NONE,    /* no upgrade is scheduled: enough nodes say so */
    UP_FOUND_PLAN,    /* *ret holds it */
    UP_FOUND_UNKNOWN, /* could not ask, or the nodes do not agree */
    UP_FOUND_BAD,     /* there is one, but it is of no use (its name, for instance) */
};

struct up_plan {
    char    name[UP_NAME_MAX]; /* as on the chain */
    int64_t height;            /* 0: not known (given by hand) */
    char   *info;              /* its text; owned */
    char    from[80];          /* "the plan on the chain", "proposal 12", "given by hand" */
};

/* What is known of the chain, and how it was asked. About 170 KiB: static, one per process. */
struct up_chain {
    struct ga_chain_setup  setup;
    struct ga_chain_quorum quorum;
};

/* Reads the options and asks all sources. 0; -EINVAL the options, -EAGAIN no quorum; with a sentence. */
int up_chain_look(struct ga_run *run, const struct ga_host *host, struct up_chain *ret, char *why, size_t len);

/*
 * The plan on the chain, else that of a passed proposal which has not been cancelled. As many nodes as must agree
 * (`agree`) have to say the same, word for word: one alone could make this host fetch whatever it likes. Unless
 * UP_FOUND_NONE or UP_FOUND_PLAN there is a sentence in `why`. Give *ret to up_plan_free().
 */
enum up_found up_find_plan(const struct up_chain *chain, struct up_plan *ret, char *why, size_t len);
void          up_plan_free(struct up_plan *plan);

#endif
