/* tally_task.c: one proposal, whatever its status. */
#include "plugins/governance/tasks.h"

#include "kit/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* What was counted at the end is in the proposal itself: the votes are not on the chain any more. */
static void
final_tally(const struct gov_tally_rules *rules, const struct gov_chain *chain, struct gov_case *one)
{
    const cJSON *inner = ga_json_get(one->proposal.json, "proposal");
    const cJSON *final = ga_json_get(inner ? inner : one->proposal.json, "final_tally_result");
    char         why[300];

    gov_look_votes(chain, rules, one); /* for the bonded power of now */
    if (one->proposal.status <= GOV_STATUS_VOTING_PERIOD || one->tally_known != GOV_KNOWN)
        return;
    if (gov_votes_read(final, &one->votes, why, sizeof(why)) < 0 ||
        gov_tally_count(&one->votes, rules, one->proposal.expedited, &one->tally, why, sizeof(why)) < 0)
        one->tally_known = GOV_UNKNOWN;
}

int
gov_tally_task(struct ga_run *run, const struct ga_host *host)
{
    static struct gov_chain chain;
    struct gov_tally_rules  rules;
    struct gov_case         one;
    const uint64_t          id = (uint64_t)host->num(run, "proposal");
    char                    why[400];
    char                    line[400];
    char                   *text = NULL;
    size_t                  len = 0;
    FILE                   *out;
    enum gov_known          known;
    int                     outcome = gov_chain_open(&chain, run, host);

    if (outcome != GA_OK)
        return outcome;
    if (gov_look_rules(&chain, &rules, NULL, why, sizeof(why)) != GOV_KNOWN)
        return host->end(run, GA_UNKNOWN, "%s", why);
    known = gov_look_one(&chain, id, &one, why, sizeof(why));
    if (known != GOV_KNOWN)
        return host->end(run, known == GOV_ABSENT ? GA_REFUSED : GA_UNKNOWN, "%s", why);
    final_tally(&rules, &chain, &one);
    gov_give(run, host, gov_report_case(&one, chain.quorum.block_time_ns));
    out = open_memstream(&text, &len);
    if (out) {
        gov_print_case(out, &one, chain.quorum.block_time_ns);
        if (fclose(out) == 0)
            host->text(run, text);
        free(text);
    }
    gov_tally_line(&one, line, sizeof(line));
    outcome = one.tally_known == GOV_KNOWN ? host->end(run, GA_OK, "proposal %" PRIu64 " %s", id, line)
                                           : host->end(run, GA_UNKNOWN, "%s", *one.problem ? one.problem : line);
    gov_case_done(&one);
    return outcome;
}
