/*
 * lane.h: a device at work in a process of its own. A driver that crashes, hangs or lies takes that process with it and
 * nothing else; what became of it is said in words.
 *
 * A lane is started for one model; for another it is ended and a new one started. The parent is single-threaded when it
 * starts one, and waits for several lanes with poll(2) on their descriptors.
 */
#ifndef POC_LANE_H
#define POC_LANE_H

#include "plugins/poc-worker/pieces.h"
#include "plugins/poc-worker/prover.h"

#include <sys/types.h>

#define POC_LANE_NONCES POC_PIECE_NONCES /* in one question */
#define POC_LANE_QUESTIONS 2             /* under way at a time: inputs of the next are made meanwhile */
#define POC_PLAIN (-1)                   /* instead of a device's index: plain C */

struct poc_lane_spec {
    struct poc_work work;      /* the pool is a mapping that the lane inherits; NULL texts: the self-test is all */
    int             device;    /* index, or POC_PLAIN */
    const char     *path;      /* name, or NULL: the best that passes the self-test */
    uint32_t        max_batch; /* nonces computed at once; 0: as the device's memory and the model suggest */
    const char     *cache_dir; /* of compiled programs and tuning; NULL: none */
    int             tune;      /* 1: try the sizes of the path on this model and keep the fastest in the cache */
    int             measure;   /* 1: read the device's clock */
    int             gentle;    /* 1: with less of the processors than others */
    /* What its process does on the descriptor; NULL: computes. For tests of what devices may do wrong. */
    void (*serve)(const struct poc_lane_spec *spec, int fd);
};

#define POC_KEY_MAX 4096 /* bytes of a public key with its NUL, when it is not that of the work */

/* What a lane is asked. */
struct poc_lane_question {
    uint32_t n;
    uint32_t has_key; /* 1: the nonces are those of `key` */
    int64_t  nonces[POC_LANE_NONCES];
    char     key[POC_KEY_MAX];
};

/* What a lane tells. */
enum poc_lane_news {
    POC_LANE_NOTE,      /* what it is doing: text */
    POC_LANE_READY,     /* info and path; text: its path's options */
    POC_LANE_DISTANCES, /* n distances of the nonces asked for, seconds */
    POC_LANE_FAILED,    /* text; the lane is over */
};

struct poc_lane_message {
    uint32_t               news; /* enum poc_lane_news */
    uint32_t               n;
    double                 seconds;   /* from taking up the question to the answer */
    double                 waited;    /* of these, seconds in which the device had nothing to do */
    double                 processor; /* seconds of processors' time, of all threads */
    double                 stages[POC_STAGES];
    double                 operations; /* of the products */
    double                 peak;       /* operations per second that the device does at most; 0: not measured */
    double                 core_peak;  /* the same per second of processor time */
    double                 celsius;    /* of the device's card; NAN: nobody says it */
    uint32_t               max_batch;
    uint32_t               reserved;
    uint64_t               work_memory; /* bytes on the device besides the pool */
    struct poc_device_info info;
    char                   path[32];
    char                   text[1024];
    double                 distances[POC_LANE_NONCES];
};

struct poc_lane {
    pid_t    pid;
    int      fd; /* readable when it has news; -1 once it is over */
    int      device;
    uint32_t n[POC_LANE_QUESTIONS]; /* nonces of the questions that are open, in their order */
    unsigned n_open;
};

/* Starts one. 0, or -1 with a sentence. */
int poc_lane_start(const struct poc_lane_spec *spec, struct poc_lane *ret, char *reterr, size_t reterr_len);

/* Asks for n <= POC_LANE_NONCES distances of `public_key` (NULL: that of the work; shorter than POC_KEY_MAX); at most
 * POC_LANE_QUESTIONS are open, and answers come in their order. 0, or -1: it is over, read its last news. */
int poc_lane_ask(struct poc_lane *lane, const char *public_key, const int64_t *nonces, uint32_t n);

/*
 * What it tells next: waits at most timeout_ms (-1: for ever), or until cancel_fd (may be -1) is readable. 1 news in
 * *ret, 0 time is up, -1 cancelled. A lane that died or sent rubbish is POC_LANE_FAILED, with how it ended. After that
 * its descriptor is closed and nobody is left to wait for.
 */
int poc_lane_read(struct poc_lane *lane, int timeout_ms, int cancel_fd, struct poc_lane_message *ret);

/* Ends it, whatever it is doing. */
void poc_lane_end(struct poc_lane *lane);

/* Runs `work` in a child that may crash or hang: it writes its answer to *ret (of len bytes), shared with the caller,
 * and returns 0. Returns 0, or -1 with how it ended. For the first touch of the drivers. */
int poc_lane_try(int (*work)(void *ret, char *reterr, size_t reterr_len), void *ret, size_t len, int timeout_ms,
                 char *reterr, size_t reterr_len);

#endif
