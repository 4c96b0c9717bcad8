/*
 * crew.h: several lanes at one list of nonces. A lane that fails is left out and its open nonces go to the others; what
 * was wrong with it is told.
 */
#ifndef POC_CREW_H
#define POC_CREW_H

#include "plugins/poc-worker/lane.h"
#include "plugins/poc-worker/pieces.h"

#define POC_CREW_MAX 64

struct poc_crew_lane {
    struct poc_lane        lane;
    struct poc_device_info info;
    char                   path[32];
    char                   options[160];
    char                   failure[1024]; /* "": none */
    int                    told;          /* the caller's: it knows of the failure */
    int                    ready;
    unsigned               stale;                     /* so many of its open questions were given up */
    int64_t                first[POC_LANE_QUESTIONS]; /* of the list: what its open questions are about */
    int64_t                heard_ms;                  /* it was asked, having had nothing to do, or said something */
    uint64_t               done;                      /* nonces */
    double                 seconds;
    double                 waited;
    double                 processor;
    double                 stages[POC_STAGES];
    double                 operations;
    double                 peak;
    double                 core_peak;
    double                 celsius; /* of its card, when it is ready; NAN: not known */
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

/* Nonces to compute, and who takes the distances. Borrowed during poc_crew_work(). */
struct poc_crew_work {
    const char        *public_key; /* whose; NULL: that of the work */
    struct poc_pieces *pieces;     /* the list by places; a piece is done before it is taken */
    int64_t            budget_ms;  /* 0: none; else no more are given out so long after the first */
    int64_t (*nonce)(void *userdata, int64_t place);
    void (*take)(void *userdata, int64_t first, const double *distances, uint32_t n);
    int (*turn)(void *userdata); /* after what was taken, and once a second; other than 0: enough. May be NULL */
    void *userdata;
};

/*
 * Has all of the list computed that is not done. Each lane has the next question before it has answered one, and goes
 * on whatever the others do. 0: all is done, or the budget is over; -ECANCELED: by cancel_fd or turn(); 1: a lane was
 * left out because it computes wrong: what was taken since its results were last seen to be right is not to be trusted;
 * -EIO with a sentence: not one lane is left, and why each one went. Unless all is done, what is out has come back, and
 * what lanes still work on then is thrown away when it comes; the crew can be asked again.
 */
int poc_crew_work(struct poc_crew *crew, const struct poc_crew_work *work, char *reterr, size_t reterr_len);

/* The distances of all n nonces to ret, in their order, computed again where a lane was wrong. 0, -ECANCELED or -EIO as
 * above; *ret_n (may be NULL) says how many were computed within `budget_ms`. */
int poc_crew_compute(struct poc_crew *crew, const char *public_key, const int64_t *nonces, size_t n, double *ret,
                     int64_t budget_ms, size_t *ret_n, char *reterr, size_t reterr_len);

/* Tells what happened to a lane, with its device's number in front. */
void poc_crew_note(const struct poc_crew *crew, unsigned level, const struct poc_crew_lane *lane, const char *text);

void poc_crew_end(struct poc_crew *crew);

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t poc_now_ms(void);

#endif
