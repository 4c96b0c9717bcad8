/*
 * outbox.h: proofs on their way to their receiver, in SQLite: what was put is there after a crash of anything, what was
 * acknowledged is never sent again. Several processes may have it open, each with a handle of its own.
 */
#ifndef POC_OUTBOX_H
#define POC_OUTBOX_H

#include <stddef.h>
#include <stdint.h>

enum poc_letter_kind { POC_GENERATED, POC_VALIDATED };

struct poc_letter {
    int64_t              id; /* given by the outbox */
    enum poc_letter_kind kind;
    int64_t              height; /* of the block at which its proof of compute began */
    char                *url;    /* with "/generated" or "/validated" */
    char                *body;   /* JSON */
    int64_t              attempts;
};

struct poc_outbox;

/* Opens or makes it. A file that is no sound database is moved aside (FILE.damaged) and named in reterr, with 1
 * returned and an empty one opened. 0, 1, or -1 with a sentence. */
int  poc_outbox_open(const char *path, struct poc_outbox **ret, char *reterr, size_t reterr_len);
void poc_outbox_close(struct poc_outbox *outbox);

/* Keeps a letter (NULL: none), and with it, in one step, the text `value` under `key` (NULL: none). It is on disk when
 * this returns 0. -1 with a sentence: nothing was kept; a full disk is named. */
int poc_outbox_put(struct poc_outbox *outbox, const struct poc_letter *letter, const char *key, const char *value,
                   char *reterr, size_t reterr_len);

/* What was kept under `key`: the caller's, NULL when there is nothing. */
char *poc_outbox_get(struct poc_outbox *outbox, const char *key);

/* The oldest letter whose receiver may be tried at now_ms (real time). 1 and *ret, which ends with poc_letter_done(); 0
 * none; -1 with a sentence. */
int poc_outbox_next(struct poc_outbox *outbox, int64_t now_ms, struct poc_letter *ret, char *reterr, size_t reterr_len);
void poc_letter_done(struct poc_letter *letter);

/* It was acknowledged: it goes. 0, or -1 with a sentence. */
int poc_outbox_sent(struct poc_outbox *outbox, int64_t id, char *reterr, size_t reterr_len);

/* It was not: its receiver (all letters of that url) is left alone until not_before_ms. 0, or -1 with a sentence. */
int poc_outbox_failed(struct poc_outbox *outbox, const struct poc_letter *letter, int64_t not_before_ms, char *reterr,
                      size_t reterr_len);

/* Letters of proofs of compute that began below this height go: nobody takes them any more. How many, or -1. */
int64_t poc_outbox_expire(struct poc_outbox *outbox, int64_t height);

/* Letters that wait, or -1. */
int64_t poc_outbox_depth(struct poc_outbox *outbox);

#endif
