/*
 * crew_check.h: results at work, looked at again. The self-test knows small models only, and a card may begin to fail
 * hours after it: so now and then one nonce that a lane has answered is computed once more, on the portable path of the
 * same device, or in plain C where the device has none or that was its path already.
 *
 * It is done in a process that is started for it and ends with it: it holds no memory of the device meanwhile, and the
 * lanes go on. One at a time, and each lane's at most every check_wait_ms and for at most a fiftieth of the time.
 */
#ifndef POC_CREW_CHECK_H
#define POC_CREW_CHECK_H

#include "plugins/poc-worker/crew.h"

#define POC_CHECK_WAIT_MS 60000
#define POC_CHECK_TOLERANCE 1e-4 /* each path may be 5e-5 off; what is wrong is off by hundreds of that */

/* Lane `of` has answered n nonces of this key (NULL: that of the work): begins with one of them if it is time. */
void poc_check_offer(struct poc_crew *crew, size_t of, const char *public_key, const int64_t *nonces,
                     const double *distances, uint32_t n);

/* Readable when there is something to hear; -1: nothing runs. */
int poc_check_fd(const struct poc_crew *crew);

/* Takes what there is to hear. 1: lane *ret_of computes wrong, with a sentence; it is the caller's to leave out. */
int poc_check_hear(struct poc_crew *crew, struct poc_lane_message *news, size_t *ret_of, char *reterr,
                   size_t reterr_len);

void poc_check_end(struct poc_crew *crew);

#endif
