/*
 * crew.h: several lanes at one list of nonces. A lane that fails is left out and its open nonces go to the others; what
 * was wrong with it is told.
 */
#ifndef POC_CREW_H
#define POC_CREW_H

#include "plugins/poc-worker/lane.h"

#define POC_CREW_MAX 64

struct poc_crew_lane {
    struct poc_lane        lane;
    struct poc_device_info info;
    char                   path[32];
    char                   options[160];
    char                   failure[1024]; /* "": none */
    int                    told;          /* the caller's: it knows of the failure */
    int                    ready;
    int                    stale; /* 1: what it works on was given up */
    size_t                 first; /* of the list: what it works on */
    int64_t                asked_ms;
    uint64_t               done; /* nonces */
    double                 seconds;
    double                 waited;
    double                 processor;
    double                 stages[POC_STAGES];
    double                 operations;
    double                 peak;
    double                 core_peak;
    uint64_t               work_memory;
    uint32_t               max_batch;
    int64_t                check_ms;    /* it is not looked at again before */
    int                    check_plain; /* 1: no other path of the device can do it */
    int                    unchecked;   /* 1: nothing can */
    uint64_t               checked;     /* nonces that were computed again and agreed */
};

/* One nonce that is computed again: see crew_check.h. */
struct poc_check {
    struct poc_lane lane;
    int             runs;
    int             is_plain;
    size_t          of; /* whose it is */
    int64_t         nonce;
    double          distance; /* as that one computed it */
    int             has_key;
    char            key[POC_KEY_MAX];
    int64_t         begun_ms;
    int64_t         heard_ms;
};

struct poc_crew {
    struct poc_crew_lane lanes[POC_CREW_MAX];
    size_t               n;
    int                  answer_ms; /* a lane that has said nothing for so long is ended */
    int                  cancel_fd;
    /* Told what happens, may be NULL. level: of syslog(3). */
    void (*note)(void *userdata, unsigned level, const char *text);
    void (*progress)(void *userdata, size_t done, size_t total);
    void *userdata;
    /* 1: from time to time a nonce of each lane is computed again on another path, and one that disagrees is left out.
     * check_wait_ms: between two of a lane; 0: POC_CHECK_WAIT_MS. */
    int      checks;
    int      check_wait_ms;
    uint64_t checked; /* nonces that agreed */
    uint64_t wrong;   /* lanes that were left out for it: what they computed before is not to be trusted */

    /* Its own. */
    struct poc_lane_spec spec;
    struct poc_check     check;
};

/* Starts a lane for each device; `spec` says the rest, what it points to is borrowed until poc_crew_end(). 0, or -1
 * with a sentence when not one could be started. */
int poc_crew_start(struct poc_crew *crew, const struct poc_lane_spec *spec, const int *devices, size_t n, char *reterr,
                   size_t reterr_len);

/*
 * Distances of all n nonces of `public_key` (NULL: that of the work) to ret, in their order. 0, -ECANCELED (what lanes
 * work on then is thrown away when it comes; the crew can be asked again), or -EIO with a sentence: not one lane is
 * left, and why the last one went. `budget_ms` (0: none): no new nonces are given out so long after the first; *ret_n
 * (may be NULL) says how many were computed.
 */
int poc_crew_compute(struct poc_crew *crew, const char *public_key, const int64_t *nonces, size_t n, double *ret,
                     int64_t budget_ms, size_t *ret_n, char *reterr, size_t reterr_len);

/* Tells what happened to a lane, with its device's number in front. */
void poc_crew_note(const struct poc_crew *crew, unsigned level, const struct poc_crew_lane *lane, const char *text);

void poc_crew_end(struct poc_crew *crew);

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t poc_now_ms(void);

#endif
