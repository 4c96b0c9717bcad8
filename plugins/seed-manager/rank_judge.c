/* rank_judge.c: verdicts. What could not be asked is unclear, never sick. */
#include "plugins/seed-manager/rank.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SECOND_NS INT64_C(1000000000)

static void verdict(struct rank_row *row, enum rank_verdict is, const char *reason, const char *format, ...)
    GA_PRINTF(4, 5);

static void
verdict(struct rank_row *row, enum rank_verdict is, const char *reason, const char *format, ...)
{
    va_list args;

    row->verdict = is;
    row->reason = reason;
    va_start(args, format);
    (void)vsnprintf(row->why, sizeof(row->why), format, args);
    va_end(args);
}

/* Where the operator named no chain and too few agree on one, none is wrong. */
static int
is_other_chain(const struct rank_rules *rules, const char *said)
{
    return said[0] && rules->chain_id && rules->chain_id[0] && strcmp(said, rules->chain_id) != 0;
}

/* Another chain or another node than the list says. 1 when that is settled. */
static int
judge_identity(const struct rank_rules *rules, struct rank_row *row)
{
    const struct probe *probe = row->probe;

    if (probe->answered && is_other_chain(rules, probe->status.chain_id))
        verdict(row, RANK_SICK, "wrong-chain", "is on the chain %s, not on %s", probe->status.chain_id,
                rules->chain_id);
    else if (is_other_chain(rules, probe->network))
        verdict(row, RANK_SICK, "wrong-chain", "tells its peers that it is on the chain %s, not on %s", probe->network,
                rules->chain_id);
    else if (probe->wrong_id && row->candidate->id[0])
        verdict(row, RANK_SICK, "wrong-id", "its node id is %s, the list says %s", probe->id, row->candidate->id);
    else if (probe->wrong_id)
        verdict(row, RANK_SICK, "wrong-id", "proves the node id %s to its peers, but its RPC says %s", probe->id,
                probe->status.node_id);
    else
        return 0;
    return 1;
}

/* Strangers may say any number. */
static int64_t
difference(int64_t a, int64_t b)
{
    int64_t r;

    return __builtin_sub_overflow(a, b, &r) ? (a < b ? INT64_MIN + 1 : INT64_MAX) : r;
}

/* Against the chain, of which something is known. 1 when that is settled. */
static int
judge_height(const struct rank_rules *rules, struct rank_row *row)
{
    const struct ga_chain_status *status = &row->probe->status;
    int64_t                       age_ns = difference(rules->now_ns, status->block_time_ns);
    /* others were asked earlier: a block a second may have come since */
    int64_t ahead = rules->max_lag + rules->max_age_ns / SECOND_NS;

    row->lag = status->height < rules->height ? difference(rules->height, status->height) : 0;
    if (status->catching_up)
        verdict(row, RANK_SICK, "catching-up", "is still catching up, %" PRId64 " blocks behind", row->lag);
    else if (row->lag > rules->max_lag)
        verdict(row, RANK_SICK, "stale", "is %" PRId64 " blocks behind the chain", row->lag);
    else if (difference(status->height, rules->height) > ahead)
        verdict(row, RANK_SICK, "ahead", "claims block %" PRId64 ", where others know of %" PRId64, status->height,
                rules->height);
    else if (age_ns > rules->max_age_ns)
        verdict(row, RANK_SICK, "stale", "its newest block is %" PRId64 " s old", age_ns / SECOND_NS);
    else if (age_ns < -rules->max_age_ns)
        verdict(row, RANK_SICK, "ahead", "its newest block is from the future, by %" PRId64 " s", -age_ns / SECOND_NS);
    else
        return 0;
    return 1;
}

static void
judge_answered(const struct rank_rules *rules, struct rank_row *row)
{
    const struct probe *probe = row->probe;

    if (judge_height(rules, row))
        return;
    if (!probe->id[0])
        verdict(row, RANK_SICK, "no-id", "does not tell its node id, so nobody can connect to it as a peer");
    else if (probe->port == PROBE_PORT_SHUT)
        verdict(row, RANK_SICK, "p2p-shut", "its port %d for peers: %s", probe->p2p_port, probe->p2p_why);
    else if (probe->port == PROBE_PORT_UNKNOWN)
        verdict(row, RANK_UNCLEAR, "no-p2p-port", "does not tell the port at which it takes peers");
    else
        verdict(row, RANK_HEALTHY, "healthy", "%s", "");
}

static void
judge_silent(struct rank_row *row)
{
    const struct probe *probe = row->probe;
    const char         *reason = ga_chain_why_name(probe->error.why);

    if (probe->port == PROBE_PORT_SHUT)
        verdict(row, RANK_SICK, "p2p-shut", "its port %d for peers: %s; its RPC: %s", probe->p2p_port, probe->p2p_why,
                probe->error.text);
    else if (probe->error.why == GA_CHAIN_CANCELLED || probe->error.why == GA_CHAIN_NO_MEMORY)
        verdict(row, RANK_UNCLEAR, reason, "%s", probe->error.text);
    else if (probe->port == PROBE_PORT_OPEN && probe->id_from == PROBE_ID_HANDSHAKE)
        verdict(row, RANK_UNCLEAR, reason, "is a peer on this chain, but its RPC does not tell its height: %s",
                probe->error.text);
    else if (probe->port == PROBE_PORT_OPEN)
        verdict(row, RANK_UNCLEAR, reason, "its port for peers is open, but its RPC does not answer: %s",
                probe->error.text);
    else if (probe->error.why == GA_CHAIN_HTTP_STATUS)
        verdict(row, RANK_UNCLEAR, reason, "its API is there, but does not let its RPC be asked: %s",
                probe->error.text);
    else
        verdict(row, RANK_SICK, reason, "%s", probe->error.text);
}

/* Without anybody who answers, this host's own network may be what is sick. */
static void
judge_blind(struct rank_row *row)
{
    if (row->probe->answered)
        verdict(row, RANK_UNCLEAR, "chain-unknown", "answers, but too few nodes agree on the state of the chain");
    else if (row->verdict == RANK_SICK)
        row->verdict = RANK_UNCLEAR;
}

void
rank_judge(const struct rank_rules *rules, struct rank_row *row)
{
    row->lag = 0;
    if (!row->probe->asked) {
        verdict(row, RANK_UNCLEAR, "not-asked",
                "was not asked: the survey's time was over; raise deadline or parallel, or lower max_candidates");
        return;
    }
    if (judge_identity(rules, row))
        return;
    if (!row->probe->answered)
        judge_silent(row);
    else if (rules->height > 0)
        judge_answered(rules, row);
    if (rules->height == 0)
        judge_blind(row);
}
