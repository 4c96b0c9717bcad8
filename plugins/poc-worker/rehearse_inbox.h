/* rehearse_inbox.h: listens where a node posts its proofs, and keeps what comes until it is taken. */
#ifndef POC_REHEARSE_INBOX_H
#define POC_REHEARSE_INBOX_H

#include <stddef.h>
#include <stdint.h>

struct rehearse_inbox;

/* A body as it came. */
struct rehearse_letter {
    char   *body; /* with a NUL that len does not count; the taker's */
    size_t  len;
    int64_t time_ms; /* as poc_now_ms() */
};

/* Listens on `url` ("http://127.0.0.1:9111") for what is posted to a path that ends with /`mark`/generated; proofs for
 * others are acknowledged and not looked at, so that nobody goes on sending them. 0 and *ret, or a negative errno with
 * a sentence. */
int rehearse_inbox_open(const char *url, const char *mark, struct rehearse_inbox **ret, char *reterr,
                        size_t reterr_len);

/* Readable once something came, for poll(2). */
int rehearse_inbox_fd(const struct rehearse_inbox *inbox);

/* 1 and the oldest letter, 0: there is none. */
int rehearse_inbox_take(struct rehearse_inbox *inbox, struct rehearse_letter *ret);

/* Requests that were not for this rehearsal: other paths and methods. */
size_t rehearse_inbox_strays(struct rehearse_inbox *inbox);

/* Ends all threads; NULL: nothing. */
void rehearse_inbox_close(struct rehearse_inbox *inbox);

#endif
