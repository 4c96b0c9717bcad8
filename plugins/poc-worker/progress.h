/* progress.h: whether nonces go on being computed. Times in ms of one clock. Zeroed before first use. */
#ifndef POC_PROGRESS_H
#define POC_PROGRESS_H

#include <stdint.h>

#define POC_STALL_MS 60000 /* without a nonce while generating: an alarm */

struct poc_progress {
    double  computed; /* nonces of the session so far */
    int64_t moved_ms;
    int     was_told;
};

/* A phase begins, or the model for it is there: the time without one counts from here. */
void poc_progress_begin(struct poc_progress *progress, int64_t now_ms);

/* So many nonces were computed by now. */
void poc_progress_take(struct poc_progress *progress, double computed, int64_t now_ms);

/* Whether no nonce came for POC_STALL_MS: true once, until one comes or a phase begins. */
int poc_progress_has_stalled(struct poc_progress *progress, int64_t now_ms);

#endif
