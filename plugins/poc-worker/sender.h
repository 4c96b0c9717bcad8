/*
 * sender.h: the batches of a queue to their receivers, as POST <url>/generated and <url>/validated. No threads inside:
 * the caller steps it, about every five seconds, in a thread of its own with a queue handle of its own.
 *
 * 2xx acknowledges a batch. No answer, 408, 429 and 5xx are the receiver's fault: the batch is tried again after 5 s,
 * doubling to 5 min, and its url is left alone for up to a minute, while other urls go on. Any other answer refuses
 * this batch: it is tried again every 5 min until its stage expires. Waits are up to a quarter shorter by chance, so
 * that many senders do not come back at once.
 */
#ifndef POC_SENDER_H
#define POC_SENDER_H

#include "plugins/poc-worker/queue.h"

#include <stdint.h>

#define POC_SENDER_WAIT_MS 5000
#define POC_SENDER_WAIT_MAX_MS 300000
#define POC_SENDER_HOLD_MAX_MS 60000 /* of a whole url: less, so that one bad batch does not hold the others up */

struct poc_sender {
    /* Set by the caller. */
    struct poc_queue *queue;
    int               cancel_fd; /* readable: give up; -1: cannot be cancelled */
    int               answer_ms; /* the limit of one attempt; 0: 60 s */
    int64_t           wait_ms;   /* after the first failure; 0: POC_SENDER_WAIT_MS */
    const char       *ca_file;   /* instead of the system's; or NULL */
    /* Told of each attempt and its end, with a level of syslog(3); NULL: nobody is. */
    void (*note)(void *userdata, unsigned level, const char *text);
    void *userdata;

    /* Since the start; read between steps. */
    uint64_t sent;
    uint64_t retries;         /* attempts that failed by the receiver's fault */
    uint64_t rejected;        /* attempts that a receiver refused */
    char     last_error[512]; /* a sentence; "" none so far */

    /* Its own; 0 at first. */
    int64_t acknowledged_id; /* not yet taken out of the queue */
};

/*
 * Posts each batch that is due at now_ms (real time), oldest first. 0: all of them were tried, whatever became of them.
 * -ECANCELED, or what the queue answered, with its sentence in last_error; a batch that was acknowledged but could not
 * be taken out is not posted again by this sender, and nothing else is until it can.
 */
int poc_sender_step(struct poc_sender *sender, int64_t now_ms);

#endif
