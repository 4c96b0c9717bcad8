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
};

/* Starts a lane for each device; `spec` says the rest. 0, or -1 with a sentence when not one could be started. */
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

void poc_crew_end(struct poc_crew *crew);

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t poc_now_ms(void);

#endif
