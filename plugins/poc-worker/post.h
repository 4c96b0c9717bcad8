/* post.h: letters of the outbox to their receivers. */
#ifndef POC_POST_H
#define POC_POST_H

#include "plugins/poc-worker/outbox.h"

#define POC_POST_WAIT_MAX_MS 60000 /* between attempts at a receiver that does not take them */

struct poc_post {
    struct poc_outbox *outbox;
    int                cancel_fd;
    int                every_ms; /* the first wait for a receiver that failed; it doubles */
    uint64_t           sent;     /* since the start */
    uint64_t           failed;   /* attempts */
    /* Told each step: level of syslog(3). */
    void (*note)(void *userdata, unsigned level, const char *text);
    void *userdata;
};

/* Sends all that may be sent at this time; a receiver that fails is left alone for a while, longer each time. Any 2xx
 * acknowledges. Returns 0, or -1 when the outbox cannot be read. */
int poc_post_all(struct poc_post *post);

#endif
