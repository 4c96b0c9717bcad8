/*
 * watch.h: how this host's node fares, and whether a change of seeds helped it.
 *
 * Only what was seen counts. A node that does not answer, and other hosts that do not, are no evidence: they make a
 * look unknown, never worse, so silence never undoes a change. Peers are the node's own word; its height is compared
 * with what enough nodes agree on, and is not judged where they do not.
 */
#ifndef SEED_WATCH_H
#define SEED_WATCH_H

#include "plugins/seed-manager/apply_choose.h"
#include "plugins/seed-manager/apply_state.h"

#define WATCH_WORSE_LOOKS 2 /* looks in a row that undo a change before its watch ends */

enum watch_restart {
    WATCH_RESTART_UNKNOWN, /* it has no peers, or does not say how long it has had them */
    WATCH_NOT_RESTARTED,   /* it has a connection that is older than the change */
    WATCH_RESTARTED,       /* all its connections are younger */
};

/* One look. */
struct watch_look {
    int                 answered;    /* the node said something, if not everything: it runs */
    int                 catching_up; /* by its own word */
    struct apply_health health;
    enum watch_restart  restart; /* since `since_ns` */
    char                own_id[CHOOSE_ID_LEN + 1];
    struct choose_ids   connected;         /* freed by watch_done() */
    char                why[EDIT_WHY_MAX]; /* what could not be asked; "" when all could */
};

/* Asks this host's node, and the other sources for the agreed height. GA_OK: health.known says whether the node
 * answered; GA_REFUSED: the options name no such node, look->why says so. watch_done() in any case. */
int  watch_ask(struct ga_run *run, const struct ga_host *host, int64_t since_ns, struct watch_look *ret);
void watch_done(struct watch_look *look);

struct watch_rules {
    int64_t min_peers;
    int64_t max_lag; /* blocks */
    int64_t settle_ns;
    int64_t watch_ns;
};

enum watch_verdict {
    WATCH_UNTAKEN,  /* the node was not restarted yet: the change has no effect, the watch has not begun */
    WATCH_SETTLING, /* too early to say */
    WATCH_UNKNOWN,  /* could not ask */
    WATCH_FINE,     /* not worse, the watch goes on */
    WATCH_PASSED,   /* not worse at its end */
    WATCH_WORSE,    /* worse, once: look again */
    WATCH_FAILED,   /* worse in WATCH_WORSE_LOOKS looks, or at the end */
};

/* Judges; `before` and the times are the state's. `why` (EDIT_WHY_MAX bytes) tells it in a sentence. Pure. */
enum watch_verdict watch_judge(const struct apply_state *state, const struct watch_look *look,
                               const struct watch_rules *rules, int64_t now_ns, char *why);

#endif
