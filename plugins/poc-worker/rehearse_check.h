/*
 * rehearse_check.h: what a machine-learning node posts in a rehearsal, against what it was asked for. Bodies in,
 * findings out: no sockets, no host.
 */
#ifndef POC_REHEARSE_CHECK_H
#define POC_REHEARSE_CHECK_H

#include "plugins/poc-worker/api_body.h"

#include <stddef.h>
#include <stdint.h>

/* What can be wrong with a node, one thing each. */
enum rehearse_finding {
    REHEARSE_WELL,
    REHEARSE_CANCELLED, /* of the run, not of the node */
    REHEARSE_UNREACHABLE,
    REHEARSE_SLOW,     /* reached, perhaps, but no answer in time */
    REHEARSE_CONFLICT, /* 409 */
    REHEARSE_ERROR,    /* 5xx */
    REHEARSE_REFUSED,  /* any other status */
    REHEARSE_NONSENSE, /* 2xx, but not in the API's words */
    REHEARSE_NO_MODEL,
    REHEARSE_NO_CALLBACK,
    REHEARSE_TOO_FEW,
    REHEARSE_GAVE_UP,
    REHEARSE_RUBBISH,
    REHEARSE_WRONG_KEY,
    REHEARSE_WRONG_BLOCK,
    REHEARSE_WRONG_SEQUENCE,
    REHEARSE_OVER_TARGET,
    REHEARSE_WRONG_DISTANCE,
    REHEARSE_NOT_COMPUTED,
    REHEARSE_NOT_STOPPED,
    REHEARSE_NOT_UNPAUSED,
    REHEARSE_NOT_RESTORED,
    REHEARSE_FINDINGS
};

#define REHEARSE_WHY 800 /* bytes of a sentence */

/* "wrong_sequence", for scripts; and what the operator should look at, a sentence. Static texts. */
const char *rehearse_finding_name(enum rehearse_finding finding);
const char *rehearse_finding_advice(enum rehearse_finding finding);

/* What was asked for. */
struct rehearse_want {
    const char *block_hash;
    int64_t     block_height;
    const char *public_key;
    int64_t     node_id;
    int64_t     node_count; /* at least 1 */
    double      r_target;
};

#define REHEARSE_NONCES_MAX ((size_t)1 << 20) /* more are not kept */

/* What came so far, in the order in which it came. Ends with rehearse_got_done(). */
struct rehearse_got {
    int64_t *nonces;
    double  *dist;
    int64_t *sorted;
    size_t   n;
    size_t   size;
    size_t   batches; /* that had nonces */
    int64_t  highest; /* place in this node's sequence of the highest nonce, from 0 */
};

void rehearse_got_done(struct rehearse_got *got);

/* Checks the body of a callback and keeps its nonces when all is well with it. REHEARSE_WELL, or a finding with a
 * sentence that names the nonce or the member. */
enum rehearse_finding rehearse_check_body(const struct rehearse_want *want, const char *body, size_t len,
                                          struct rehearse_got *got, char *why, size_t why_len);

/* Are nonces left out? Meaningful where every nonce is below the target. */
enum rehearse_finding rehearse_check_gaps(const struct rehearse_want *want, const struct rehearse_got *got, char *why,
                                          size_t why_len);

/* Takes `n` of the nonces, spread over all that came and begun at `start` (any number), and their distances. Returns
 * how many there are. */
size_t rehearse_sample(const struct rehearse_got *got, size_t n, uint64_t start, int64_t *nonces, double *dist);

/* Distances computed here against those that came; *ret_largest is the greatest difference. */
enum rehearse_finding rehearse_check_distances(const int64_t *nonces, const double *dist, const double *computed,
                                               size_t n, double *ret_largest, size_t *ret_disagree, char *why,
                                               size_t why_len);

#endif
