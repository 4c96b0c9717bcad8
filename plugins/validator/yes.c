/* yes.c: each yes has its own evidence. */
#include "plugins/validator/yes.h"

#include "plugins/validator/judge.h"

#include "kit/when.h"

#include <gonka-agent/plugin.h>

#include <stdarg.h>
#include <stdio.h>

#define SOURCES_LEAST 2 /* "several" */

const char *
val_yes_name(enum val_yes yes)
{
    return yes == VAL_YES ? "yes" : yes == VAL_NO ? "no" : "unknown";
}

__attribute__((format(printf, 4, 5))) static void
answer(struct val_answer *ret, enum val_yes yes, const char *fix, const char *format, ...)
{
    va_list list;

    ret->yes = yes;
    (void)snprintf(ret->fix, sizeof(ret->fix), "%s", yes == VAL_YES ? "" : fix);
    va_start(list, format);
    (void)vsnprintf(ret->text, sizeof(ret->text), format, list);
    va_end(list);
}

static void
jail_time(const struct val_seen *seen, struct val_answer *ret)
{
    char when[64];
    char fix[160];

    if (seen->signing_item.known != VAL_KNOWN) {
        answer(ret, VAL_CANNOT_TELL, "name more sources, or mend those that do not answer", "%s",
               seen->signing_item.why);
        return;
    }
    if (seen->chain != GA_CHAIN_KNOWN || seen->now_ns <= 0) {
        answer(ret, VAL_CANNOT_TELL, "name more sources", "the time of the chain is not known: %s", seen->chain_text);
        return;
    }
    (void)ga_when_show(seen->signing.until_ns, seen->now_ns, when, sizeof(when));
    (void)snprintf(fix, sizeof(fix), "wait until %.60s, then gonka-agent run validator unjail", when);
    if (seen->signing.until_ns >= seen->now_ns)
        answer(ret, VAL_NO, fix, "the jail time ends %s, by the chain's time", when);
    else
        answer(ret, VAL_YES, "", "the jail time ended %s, by the chain's time", when);
}

static void
tombstone(const struct val_seen *seen, struct val_answer *ret)
{
    if (seen->signing_item.known != VAL_KNOWN)
        answer(ret, VAL_CANNOT_TELL, "name more sources, or mend those that do not answer", "%s",
               seen->signing_item.why);
    else if (seen->signing.tombstoned)
        answer(ret, VAL_NO, "gonka-agent run validator recover-key (a new consensus key; this one is out for ever)",
               "it is tombstoned: two signatures for one height were seen");
    else
        answer(ret, VAL_YES, "", "it is not tombstoned");
}

static void
synced(const struct val_seen *seen, struct val_answer *ret)
{
    if (seen->node_item.known != VAL_KNOWN)
        answer(ret, VAL_CANNOT_TELL, "docker compose up -d node, or set the option node", "%s", seen->node_item.why);
    else if (seen->chain != GA_CHAIN_KNOWN)
        answer(ret, VAL_CANNOT_TELL, "name more sources", "%s", seen->chain_text);
    else if (seen->n_healthy < SOURCES_LEAST)
        answer(ret, VAL_CANNOT_TELL, "set sources: [http://HOST:8000, ...] to proxies of other hosts",
               "only %zu node%s healthy: this host's node must be compared with others", seen->n_healthy,
               seen->n_healthy == 1 ? " is" : "s are");
    else if (!seen->node_good)
        answer(ret, VAL_NO, "wait until it has caught up: curl -s http://127.0.0.1:8000/chain-rpc/status", "%s",
               seen->node_item.why);
    else
        answer(ret, VAL_YES, "", "this host's node is in step with %zu others at height %lld", seen->n_healthy - 1,
               (long long)seen->node_height);
}

static void
key(const struct val_seen *seen, struct val_answer *ret)
{
    char          why[VAL_WHY];
    enum val_keys keys = val_compare_keys(seen, why);

    if (keys == VAL_KEYS_SAME)
        answer(ret, VAL_YES, "", "%s", why);
    else if (keys == VAL_KEYS_UNKNOWN)
        answer(ret, VAL_CANNOT_TELL, "see that the node and the signer answer: docker compose ps", "%s", why);
    else
        answer(ret, VAL_NO,
               keys == VAL_KEYS_SELF      ? "docker compose restart node, so that it asks its signer anew"
               : keys == VAL_KEYS_PENDING ? "wait for the next choice of validators, then look again"
                                          : "gonka-agent run validator recover-key",
               "%s", why);
}

/* Signer, its protection against signing twice, and blocks; the worst of them decides. */
static void
cause(const struct val_seen *seen, struct val_answer *ret)
{
    if (seen->signer_item.known == VAL_ABSENT)
        answer(ret, VAL_NO, "docker compose up -d tmkms, and docker compose logs --tail 100 tmkms",
               "the signer is not there: %s", seen->signer_item.why);
    else if (seen->state_item.known == VAL_KNOWN && seen->node_item.known == VAL_KNOWN &&
             seen->state_height > seen->node_height + 1)
        answer(ret, VAL_NO, "is another signer running with this key, or is the node's data too old? find out first",
               "the signer has signed height %lld already, the node is at %lld: it would refuse to sign",
               (long long)seen->state_height, (long long)seen->node_height);
    else if (seen->blocks_item.known == VAL_ABSENT)
        answer(ret, VAL_NO, "gonka-agent run seed-manager survey: has the node lost its peers?", "%s",
               seen->blocks_item.why);
    else if (seen->signer_item.known != VAL_KNOWN)
        answer(ret, VAL_CANNOT_TELL, "set signer (and docker_socket), so that it can be looked at", "%s",
               seen->signer_item.why);
    else if (seen->state_item.wanted && seen->state_item.known != VAL_KNOWN)
        answer(ret, VAL_CANNOT_TELL, "see that the agent may read signer_state", "%s", seen->state_item.why);
    else if (seen->blocks_item.known != VAL_KNOWN)
        answer(ret, VAL_CANNOT_TELL, "see that the node answers: docker compose ps node", "%s", seen->blocks_item.why);
    else
        answer(ret, VAL_YES, "", "the signer is there, and a new block was seen");
}

void
val_five_judge(const struct val_seen *seen, struct val_five *ret)
{
    *ret = (struct val_five){
        .answers = {
            {.name = "jail-time"}, {.name = "not-tombstoned"}, {.name = "synced"}, {.name = "key"}, {.name = "cause"}}};
    jail_time(seen, &ret->answers[0]);
    tombstone(seen, &ret->answers[1]);
    synced(seen, &ret->answers[2]);
    key(seen, &ret->answers[3]);
    cause(seen, &ret->answers[4]);
}

int
val_five_verdict(const struct val_five *five)
{
    int verdict = GA_OK;

    for (size_t i = 0; i < VAL_YESES; i++) {
        if (five->answers[i].yes == VAL_NO)
            return GA_REFUSED;
        if (five->answers[i].yes != VAL_YES)
            verdict = GA_UNKNOWN;
    }
    return verdict;
}

const struct val_answer *
val_five_decisive(const struct val_five *five)
{
    enum val_yes wanted = val_five_verdict(five) == GA_REFUSED ? VAL_NO : VAL_CANNOT_TELL;

    for (size_t i = 0; i < VAL_YESES; i++)
        if (five->answers[i].yes == wanted)
            return &five->answers[i];
    return NULL;
}
