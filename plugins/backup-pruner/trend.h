/*
 * trend.h: how fast a disk fills, from samples, and what that means. No input or output.
 */
#ifndef BACKUP_PRUNER_TREND_H
#define BACKUP_PRUNER_TREND_H

#include <stddef.h>
#include <stdint.h>

#define BP_SAMPLES_MAX 400u

/* What a home and its filesystem held at a time. */
struct bp_sample {
    int64_t  time_ns;
    uint64_t data; /* bytes of data/ */
    uint64_t free;
};

/* Samples of one home, oldest first. */
struct bp_history {
    struct bp_sample samples[BP_SAMPLES_MAX];
    size_t           n;
};

/*
 * Adds a sample. Samples older than window_ns go, and those from the future (the clock was set back). Of times closer
 * than the window has room for, the last stays. When data/ is much smaller than before (it was synchronised anew), what
 * was before says nothing any more and goes.
 */
void bp_history_add(struct bp_history *history, const struct bp_sample *sample, int64_t window_ns);

/*
 * Growth in bytes per day: the median of the slopes between all pairs of samples, so that a backup that comes or goes
 * does not count. 0, or -1 with fewer than three samples or less than six hours between the first and the last.
 */
int bp_growth(const struct bp_history *history, double *ret_data, double *ret_used);

/* What is known of one filesystem. */
struct bp_disk {
    uint64_t free;
    uint64_t needed;     /* for the next upgrade: copies of all data/, programs, margin */
    int      has_growth; /* 0: not enough samples yet */
    double   growth;     /* bytes per day */
    int      has_low;    /* thresholds given; without, what the next upgrade needs */
    uint64_t low;
    int      has_recovered;
    uint64_t recovered; /* without: a tenth above low */
    int      was_low;
};

struct bp_outlook {
    int      fits; /* the next upgrade */
    int      has_days;
    double   days; /* until full */
    uint64_t low_at;
    uint64_t recovered_at;
    int      is_low; /* falls below low_at: yes; rises to recovered_at: no; in between: as it was */
};

void bp_look_ahead(const struct bp_disk *disk, struct bp_outlook *ret);

#endif
