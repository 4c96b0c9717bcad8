/* flight.h: GO or NO-GO for the next upgrade, from evidence line by line. The rule is pure. */
#ifndef UPGRADE_PRELOAD_FLIGHT_H
#define UPGRADE_PRELOAD_FLIGHT_H

#include "plugins/upgrade-preload/preload.h"

#include <stddef.h>
#include <stdint.h>

#define UP_LINES_MAX 16

enum up_light {
    UP_LIGHT_GO,
    UP_LIGHT_WARN,    /* worth a look, and no reason to stay on the ground */
    UP_LIGHT_UNKNOWN, /* could not be seen: neither go nor no-go */
    UP_LIGHT_NO_GO,
};

struct up_line {
    const char   *what; /* "disk" */
    enum up_light light;
    char          text[400];
};

struct up_flight {
    struct up_line lines[UP_LINES_MAX];
    size_t         n;
};

/* Adds a line of evidence; beyond UP_LINES_MAX it is dropped. */
void up_line_add(struct up_flight *flight, const char *what, enum up_light light, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

const char *up_light_name(enum up_light light);

/* The verdict: NO-GO when one line says so, else UNKNOWN when one could not be seen, else GO. No lines are UNKNOWN. */
enum up_light up_flight_verdict(const struct up_flight *flight);

/* Is there room? `data` is what cosmovisor copies first, 0 when it does not. All in bytes. */
void up_judge_disk(struct up_flight *flight, uint64_t free_bytes, uint64_t data, uint64_t margin);

/* When the height will be reached. `block_ns`: time of one block, 0 unknown. */
void up_judge_height(struct up_flight *flight, const struct up_plan *plan, int64_t height, int64_t block_ns,
                     int64_t now_ns);

/* A local snapshot's age; newest_ns 0: there is none. */
void up_judge_snapshot(struct up_flight *flight, int64_t newest_ns, int64_t now_ns, int64_t max_age_ns);

void up_judge_peers(struct up_flight *flight, int64_t peers, int64_t least);

/* Does this host's validator sign? Its signature is in `has_signed` of the `looked` newest commits; a single one that
 * is missing is none of our business here. */
void up_judge_signer(struct up_flight *flight, int64_t voting_power, int has_signed, int looked);

/* Where PoC lies in an epoch, in blocks from its start. */
struct up_epoch {
    int64_t start; /* of the newest epoch: its first height */
    int64_t length;
    int64_t generation_end;   /* from start */
    int64_t validation_start; /* from start */
    int64_t validation_end;   /* from start */
};

/* The phase at a height, epochs of the same length assumed: "PoCGenerate", "PoCValidate" or "Inference". NULL when the
 * epoch is of no use. */
const char *up_phase_at(const struct up_epoch *epoch, int64_t height);
void        up_judge_phase(struct up_flight *flight, const struct up_epoch *epoch, int64_t height);

/* A program where it belongs. `tried`: GA_OK it ran; why: what is wrong, or what it said. */
void up_judge_program(struct up_flight *flight, const struct up_program *program, const struct up_target *target,
                      int tried, const char *why);

/* Gathers evidence: from this host (flight_host.c) and from the chain (flight_chain.c). */
void up_see_host(struct up_work *work, struct up_flight *flight, int64_t now_ns);
void up_see_chain(struct up_work *work, const struct up_chain *chain, struct up_flight *flight, int64_t now_ns);

#endif
