/*
 * queue.h: batches on their way to their receivers, in SQLite (WAL, synchronous=FULL): what was put is there after a
 * crash of anything, what was acknowledged is never sent again.
 *
 * A handle is for one thread at a time. Several processes and threads may have the file open, each with a handle of its
 * own. Never take a handle over a fork.
 *
 * Times are milliseconds of real time (CLOCK_REALTIME). Functions that can fail return a negative errno with a sentence
 * in reterr: -ENOSPC the disk or the quota is full (pause what makes batches), -EBUSY another process holds the file
 * for too long, -EUCLEAN the file was found damaged after it was opened (open it again: it is moved aside then), -EIO
 * anything else of the disk, -ENOMEM.
 */
#ifndef POC_QUEUE_H
#define POC_QUEUE_H

#include <stddef.h>
#include <stdint.h>

enum poc_letter_kind { POC_LETTER_GENERATED, POC_LETTER_VALIDATED };

/* As it is put, the strings are the caller's and only read. Behind a peek they are the batch's: poc_letter_done(). */
struct poc_letter {
    enum poc_letter_kind kind;
    const char          *url; /* of the receiver, without "/generated" or "/validated" */
    const char          *block_hash;
    int64_t              block_height; /* at which its stage began */
    const char          *public_key;
    int64_t              node_id;
    const char          *body; /* JSON, as it is sent */
    int64_t              created_ms;
    /* Set by a peek, ignored by a put. */
    int64_t id;                /* never given twice */
    int64_t attempts;          /* that failed so far */
    int64_t receiver_failures; /* of its url, whichever batch it was, since it last took one */
};

/* How an attempt ended that was not acknowledged. */
struct poc_failure {
    int64_t     not_before_ms;    /* the batch is left alone until then */
    int64_t     hold_receiver_ms; /* so are all batches of its url; 0: the receiver is well, it refused this batch */
    const char *why;              /* kept with the batch */
};

struct poc_queue_depth {
    int64_t batches;
    int64_t bytes;   /* of bodies */
    int64_t refused; /* of the batches: those that a receiver refused */
    int64_t claims;  /* that wait to be validated */
};

struct poc_queue;

/*
 * Opens the file, or makes it (its folder must be there), and checks all of it. A damaged file is moved aside with its
 * WAL to PATH.damaged-N, an empty one is made, and 1 is returned with a sentence in reterr that names it. 0: it is
 * sound or new. -EPROTO: made by a newer version, or another program's database; it is left as it is.
 */
int  poc_queue_open(const char *path, struct poc_queue **ret, char *reterr, size_t reterr_len);
void poc_queue_close(struct poc_queue *queue);

/* Keeps a batch. It is on disk when this returns 0; otherwise nothing of it was kept. */
int poc_queue_put(struct poc_queue *queue, const struct poc_letter *batch, char *reterr, size_t reterr_len);

/* The same, and the text `value` is kept under `key` in the same step: either both are there or none. */
int poc_queue_put_with_progress(struct poc_queue *queue, const struct poc_letter *batch, const char *key,
                                const char *value, char *reterr, size_t reterr_len);

/* Keeps a text under a key, in place of the one that was there. On disk when this returns 0. */
int poc_queue_put_progress(struct poc_queue *queue, const char *key, const char *value, char *reterr,
                           size_t reterr_len);

/* What was kept under the key: 1 and *ret (the caller's to free), 0 and NULL when nothing was. */
int poc_queue_get_progress(struct poc_queue *queue, const char *key, char **ret, char *reterr, size_t reterr_len);

/*
 * The batch to send at now_ms: 1 and *ret (ends with poc_letter_done()), or 0 when none is due. Urls that fail come
 * after those that do not, and what was tried oftener after what was not: one batch that a receiver always fails at
 * must not be all that it gets. The oldest of these.
 */
int  poc_queue_peek_next(struct poc_queue *queue, int64_t now_ms, struct poc_letter *ret, char *reterr,
                         size_t reterr_len);
void poc_letter_done(struct poc_letter *batch);

/*
 * It was acknowledged: it is gone for good when this returns 0. Its receiver is well again, so what waits for it
 * because it failed (not because it refused it) is due now. 0 as well when there is no such batch any more.
 */
int poc_queue_sent(struct poc_queue *queue, int64_t id, char *reterr, size_t reterr_len);

/* It was not. 0 as well when there is no such batch any more. */
int poc_queue_failed(struct poc_queue *queue, int64_t id, const struct poc_failure *failure, char *reterr,
                     size_t reterr_len);

/* Batches of this kind whose stage began below this height go: nobody takes them any more. How many. */
int64_t poc_queue_expire_below(struct poc_queue *queue, int64_t block_height, enum poc_letter_kind kind, char *reterr,
                               size_t reterr_len);

/*
 * Claims: batches of others that wait to be validated, oldest first, as JSON. They are of one model: what it was made
 * of is kept with them.
 */
#define POC_CLAIMS_MAX 10000

/* A model is to work: claims that came for another one go. How many, and from now on they are of `model`, any text. */
int64_t poc_queue_begin_model(struct poc_queue *queue, const char *model, char *reterr, size_t reterr_len);

/* Keeps a claim. 1 and its id; 0 and that of the one that waits with the same text, which is enough; -ENOBUFS: too many
 * wait. It is on disk when this returns 1 or 0. */
int poc_queue_put_claim(struct poc_queue *queue, const char *body, int64_t created_ms, int64_t *ret_id, char *reterr,
                        size_t reterr_len);

/* The oldest: 1, its id and its text (the caller's to free), or 0 when none waits. */
int poc_queue_next_claim(struct poc_queue *queue, int64_t *ret_id, char **ret, char *reterr, size_t reterr_len);

/* A claim goes, and its result (NULL: none) is put in the same step: either both or none. 0, also when there is no such
 * claim any more: then the result is not put either. */
int poc_queue_settle_claim(struct poc_queue *queue, int64_t id, const struct poc_letter *result, char *reterr,
                           size_t reterr_len);

/* All claims go. How many. */
int64_t poc_queue_drop_claims(struct poc_queue *queue, char *reterr, size_t reterr_len);

/* What waits. 0. */
int poc_queue_depth(struct poc_queue *queue, struct poc_queue_depth *ret, char *reterr, size_t reterr_len);

#endif
