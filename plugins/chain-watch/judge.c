/* judge.c: is it the chain that stands, or this host's node? */
#include "plugins/chain-watch/watch.h"

#include "kit/when.h"

#include <stdio.h>

const char *
cw_state_name(enum cw_state state)
{
    static const char *const names[CW_STATES] = {
        [CW_UNKNOWN] = "unknown",     [CW_FOLLOWING] = "following", [CW_CATCHING_UP] = "catching-up",
        [CW_BEHIND] = "node-behind",  [CW_DOWN] = "node-down",      [CW_HALTED] = "chain-halted",
        [CW_STANDS_ALONE] = "stands",
    };

    return (unsigned)state < CW_STATES ? names[state] : "?";
}

/* The chain goes on: does this host's node? */
static enum cw_state
beside_the_chain(const struct ga_chain_look *own)
{
    if (own->verdict.why == GA_CHAIN_OK)
        return CW_FOLLOWING;
    if (!own->answered)
        return own->verdict.why == GA_CHAIN_CANCELLED ? CW_UNKNOWN : CW_DOWN;
    switch (own->verdict.why) {
    case GA_CHAIN_CATCHING_UP:
        return CW_CATCHING_UP;
    case GA_CHAIN_AHEAD: /* it or the others: who is right is not known */
        return CW_UNKNOWN;
    default:
        return CW_BEHIND;
    }
}

/* Nothing is known of the chain: what this host's node says of itself still counts. */
static enum cw_state
without_the_chain(const struct ga_chain_quorum *quorum, int has_own)
{
    const struct ga_chain_look *own = &quorum->looks[0];

    if (!has_own || !own->answered)
        return CW_UNKNOWN;
    if (own->verdict.why == GA_CHAIN_CATCHING_UP)
        return CW_CATCHING_UP;
    return quorum->n == 1 && own->verdict.why == GA_CHAIN_STALE ? CW_STANDS_ALONE : CW_UNKNOWN;
}

static const char *
said(enum cw_state state)
{
    static const char *const texts[CW_STATES] = {
        [CW_CATCHING_UP] =
            "this host's node is syncing: wait until it is in step; proofs of compute are missed meanwhile",
        [CW_BEHIND] = "the chain goes on, this host's node does not: look at its log and its peers, then restart it",
        [CW_DOWN] = "the chain goes on, this host's node does not answer: is its container running, and the port right",
        [CW_HALTED] = "the chain stands, and no node can help it: wait for word from the validators",
        [CW_STANDS_ALONE] =
            "this host's node has no new block; name other hosts in sources to learn whether the chain stands",
    };

    return texts[state];
}

void
cw_judge(const struct ga_chain_quorum *quorum, int has_own, int64_t max_lag, struct cw_seen *ret)
{
    const struct ga_chain_look *own = &quorum->looks[0];
    const char                 *text;

    ret->has_own = has_own;
    ret->own_answered = has_own && own->answered;
    ret->own_height = ret->own_answered ? own->status.height : 0;
    ret->healthy = quorum->n_healthy;
    ret->sources = quorum->n;
    ret->height = quorum->height;
    ret->block_time_ns = quorum->block_time_ns;
    if (quorum->known == GA_CHAIN_HALTED)
        ret->state = CW_HALTED;
    else if (quorum->known == GA_CHAIN_KNOWN)
        ret->state = has_own ? beside_the_chain(own) : CW_FOLLOWING;
    else
        ret->state = without_the_chain(quorum, has_own);
    if (ret->state == CW_STANDS_ALONE) {
        ret->height = own->status.height;
        ret->block_time_ns = own->status.block_time_ns;
    }
    if (ret->state == CW_FOLLOWING && has_own && cw_lag(ret) > max_lag)
        ret->state = CW_BEHIND;
    text = said(ret->state);
    if (ret->state == CW_UNKNOWN || !text)
        (void)snprintf(ret->text, sizeof(ret->text), "%s", quorum->text);
    else if (ret->state == CW_BEHIND && own->verdict.why == GA_CHAIN_WRONG_CHAIN)
        (void)snprintf(ret->text, sizeof(ret->text), "%.500s", own->verdict.text);
    else if (ret->state == CW_DOWN || ret->state == CW_BEHIND)
        (void)snprintf(ret->text, sizeof(ret->text), "%s (%.250s)", text, own->verdict.text);
    else
        (void)snprintf(ret->text, sizeof(ret->text), "%s", text);
}

/* The block is old by this host's clock, but for all that was watched there may be another at any moment. */
static void
doubt(const struct cw_watched *watched, int64_t still_ns, struct cw_seen *seen)
{
    char when[80];
    char span[64];

    seen->state = CW_UNKNOWN;
    (void)ga_when_relative(seen->block_time_ns, seen->now_ns, when, sizeof(when));
    if (watched->moved)
        (void)snprintf(seen->text, sizeof(seen->text),
                       "unknown: blocks come, but by this host's clock the newest was made %s: is the clock right?",
                       when);
    else
        (void)snprintf(seen->text, sizeof(seen->text),
                       "unknown: the newest block was made %s; it is watched for %s whether another comes", when,
                       ga_when_span(still_ns, span, sizeof(span)));
}

void
cw_watch(struct cw_watched *watched, int64_t clock_ns, int64_t still_ns, int looked, struct cw_seen *seen)
{
    const int     stands = seen->state == CW_HALTED || seen->state == CW_STANDS_ALONE;
    const int64_t height = seen->height > 0 ? seen->height : seen->own_height;

    if (!stands && seen->state != CW_UNKNOWN)
        watched->moved = 0;
    if (height > watched->height) {
        watched->moved |= stands && watched->height > 0;
        watched->height = height;
        watched->since_ns = clock_ns;
    }
    if (stands && clock_ns - watched->since_ns < still_ns)
        doubt(watched, still_ns, seen);
    if (seen->state != watched->state)
        watched->looks = 0;
    watched->state = seen->state;
    watched->looks += looked && watched->looks < 1000;
    seen->looks = watched->looks;
}
