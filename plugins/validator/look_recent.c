/* look_recent.c: who signed the newest blocks: this validator alone missing, or everybody? */
#include "plugins/validator/look.h"

#include <stdio.h>

/* The commit in the block at a height, of the first healthy node that has it. 0, -1. */
static int
commit_at(const struct val_chain *chain, int64_t height, const char *hex, struct val_commit *ret, char *why)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "block?height=%lld", (long long)height);
    for (size_t i = 0; i < chain->quorum.n; i++) {
        struct ga_chain_error error;
        cJSON                *answer = NULL;
        int                   r = -1;

        if (chain->quorum.looks[i].verdict.why != GA_CHAIN_OK)
            continue;
        if (ga_chain_rpc(&chain->setup.sources[i], path, &answer, &error) == GA_CHAIN_OK)
            r = val_read_commit(answer, hex, ret, why);
        else
            (void)snprintf(why, VAL_WHY, "%.590s", error.text);
        cJSON_Delete(answer);
        if (r == 0)
            return 0;
    }
    return -1;
}

void
val_look_recent(const struct val_chain *chain, int n, struct val_seen *ret)
{
    struct val_item *item = &ret->recent_item;

    item->wanted = n > 0;
    if (ret->chain != GA_CHAIN_KNOWN || !*ret->hex) {
        (void)snprintf(item->why, VAL_WHY, "the newest blocks cannot be looked at: %.500s",
                       ret->chain != GA_CHAIN_KNOWN ? ret->chain_text : "the validator's key is not known");
        return;
    }
    for (int i = 0; i < n && ret->height - i > 1; i++) {
        struct val_commit commit;
        int               away;

        if (commit_at(chain, ret->height - i, ret->hex, &commit, item->why) < 0)
            return;
        away = !commit.own && commit.absent == 0;
        ret->recent.n++;
        ret->recent.outside += away;
        ret->recent.missed += !commit.own && !away;
        ret->recent.others += commit.n - (away ? 0 : 1);
        ret->recent.others_absent += commit.absent - (!commit.own && !away ? 1 : 0);
    }
    if (ret->recent.n > 0)
        item->known = VAL_KNOWN;
    else
        (void)snprintf(item->why, VAL_WHY, "there are no blocks yet");
}
