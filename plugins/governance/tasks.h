/* tasks.h: the tasks of the plugin, and what they share. */
#ifndef GOVERNANCE_TASKS_H
#define GOVERNANCE_TASKS_H

#include "kit/chain_options.h"
#include "plugins/governance/memory.h"
#include "plugins/governance/news.h"
#include "plugins/governance/policy.h"

#include <gonka-agent/plugin.h>
#include <stdio.h>

int gov_poll(struct ga_run *run, const struct ga_host *host);
int gov_vote(struct ga_run *run, const struct ga_host *host);
int gov_replay(struct ga_run *run, const struct ga_host *host);
int gov_draft_task(struct ga_run *run, const struct ga_host *host);
int gov_tally_task(struct ga_run *run, const struct ga_host *host);

/* --- asking (ask.c)
 * ---------------------------------------------------------------------------------------------------
 */

enum gov_known {
    GOV_UNKNOWN = 0, /* could not ask, not understood, or the nodes say different things */
    GOV_ABSENT,      /* enough nodes say that it is not there */
    GOV_KNOWN,
};

/* About 170 KiB: static, one per process. */
struct gov_chain {
    struct ga_run         *run;
    const struct ga_host  *host;
    struct ga_chain_setup  setup;
    struct ga_chain_quorum quorum;
};

/* Reads the options and asks the sources where the chain is. An outcome: GA_OK to go on, else the run has ended with
 * it. */
int gov_chain_open(struct gov_chain *chain, struct ga_run *run, const struct ga_host *host);

/* The sources again, after a while. */
void gov_chain_again(struct gov_chain *chain);

/*
 * A question to several nodes, whose answer counts when as many as must agree say the same in what matters: `matters`
 * gives that as a text (the caller's, free()), or NULL with a sentence for an answer of no use. One of the answers is
 * *ret (the caller's). A single node that lies cannot move a vote. Unless GOV_KNOWN there is a sentence in `why`.
 */
typedef char *(*gov_matters)(const cJSON *answer, char *why, size_t len);
enum gov_known gov_ask(const struct gov_chain *chain, const char *what, const char *path, gov_matters matters,
                       cJSON **ret, char *why, size_t len);

/* The whole of what may be asked, as text: for answers in which everything matters. */
char *gov_all_matters(const cJSON *answer, char *why, size_t len);

/* --- what there is to be known of a proposal (look.c)
 * -------------------------------------------------------------------
 */

struct gov_case {
    struct gov_proposal    proposal;
    int64_t                upgrade_ns; /* when an upgrade's height will come, about; 0: not known, or no upgrade */
    enum gov_known         tally_known;
    struct gov_tally       tally;
    struct gov_tally_rules rules; /* that it was counted with */
    struct gov_votes       votes;
    enum gov_known         vote_known; /* GOV_ABSENT: this account has not voted; GOV_UNKNOWN also without an account */
    char                   vote[64];   /* "yes", or "yes 0.7, no 0.3" */
    enum gov_choice        choice;     /* of a vote for one option; GOV_CHOICE_ASK: another kind of vote, or none */
    char                   problem[GOV_WHY * 3]; /* what could not be asked, in a sentence; "" for nothing */
};

#define GOV_CASES_MAX 200

struct gov_ids {
    uint64_t list[GOV_CASES_MAX];
    size_t   n;
    int      left_out; /* 1: there are more */
};

struct gov_cases {
    struct gov_case *list;
    size_t           n;
    int              n_unknown; /* so many could not be told, */
    char             why[300];  /* for this reason (the first) */
};

/* The rules of counting. GOV_KNOWN, or GOV_UNKNOWN with a sentence. */
enum gov_known gov_look_rules(const struct gov_chain *chain, struct gov_tally_rules *ret, cJSON **ret_params, char *why,
                              size_t len);

/* Where a module's parameters are asked for ("inference.collateral", "cosmos.gov.v1"). 0, or -1: not known. */
int gov_params_path(const char *module, char *buf, size_t len);

/* Decodes a proposal and compares its changes of parameters with what the chain has. 0, or -1 with a sentence. */
int gov_look_proposal(const struct gov_chain *chain, const cJSON *answer, struct gov_case *ret, char *why, size_t len);

/* One proposal by its id, as enough nodes have it. Free it with gov_case_done() after GOV_KNOWN. */
enum gov_known gov_look_one(const struct gov_chain *chain, uint64_t id, struct gov_case *ret, char *why, size_t len);

/* Numbers of those that are voted on. 0, or -1 with a sentence. */
int gov_look_voting(const struct gov_chain *chain, struct gov_ids *ret, char *why, size_t len);

/* Those in deposit and voting period, the oldest first. 0, or -1 with a sentence: the list is not whole, and empty. */
int gov_look_open(const struct gov_chain *chain, struct gov_cases *ret, char *why, size_t len);

/* Those that have ended, the newest first, at most `most`. As above. */
int gov_look_ended(const struct gov_chain *chain, size_t most, struct gov_cases *ret, char *why, size_t len);

/* Tally and this account's vote. */
void gov_look_votes(const struct gov_chain *chain, const struct gov_tally_rules *rules, struct gov_case *ret);

/* This account's vote alone, anew. */
enum gov_known gov_look_own(const struct gov_chain *chain, uint64_t id, struct gov_case *ret, char *why, size_t len);

void gov_case_done(struct gov_case *one);
void gov_cases_done(struct gov_cases *cases);

/* --- reports (report.c)
 * ---------------------------------------------------------------------------------------------------
 */

/* Everything about a proposal. NULL without memory. */
cJSON *gov_report_case(const struct gov_case *one, int64_t now_ns);
/* The same for people. */
void gov_print_case(FILE *out, const struct gov_case *one, int64_t now_ns);
/* Why it would pass or not, now: "passes: 71.2 % yes of 50 % needed, turnout 40.1 % of 33.4 %". */
void   gov_tally_line(const struct gov_case *one, char *ret, size_t len);
cJSON *gov_report_verdict(const struct gov_verdict *verdict, int64_t now_ns);

/* Gives a document as the result and frees it. */
void gov_give(struct ga_run *run, const struct ga_host *host, cJSON *json);

/* The policy of the options. 0 (n is 0 without one), or -1 with a sentence. */
int gov_policy_of(struct ga_run *run, const struct ga_host *host, struct gov_policy *ret, char *why, size_t len);

#endif
