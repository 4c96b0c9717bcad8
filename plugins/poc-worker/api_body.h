/*
 * api_body.h: the request bodies of the worker's REST API as structs, checked.
 *
 * What the network's own node takes is taken: unknown members are ignored, of members of the same name the last
 * counts, and a value of another JSON type is converted where that node converts it: an integer may come as 7.0, as
 * true, as "7" or " 7.0 "; a number as "0.5"; a boolean as 1, "on" or "yes". Texts are never made of numbers. Integers
 * are exact to 64 bits. No state, no locks.
 */
#ifndef POC_API_BODY_H
#define POC_API_BODY_H

#include "plugins/poc-worker/model.h"

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#define POC_UNSET (-1) /* node_id or node_count of a request that names none */

/* What is to be proved, and where the proofs go (bodies of the init family). Owns its texts. */
struct poc_init {
    int64_t           node_id;    /* POC_UNSET, or 0 to 2^32-1: this node's place among node_count */
    int64_t           node_count; /* POC_UNSET, or 1 to 2^32-1: stride of the nonces */
    char             *block_hash;
    int64_t           block_height; /* where this proof of compute began */
    char             *public_key;   /* of the account, hex */
    int64_t           batch_size;   /* a hint: the worker knows its device better */
    double            r_target;     /* nonces with a distance below it are proofs */
    double            fraud_threshold;
    struct poc_params params; /* passed poc_params_check(); members that are missing are those of "default" */
    char             *url;    /* of the receiver; "/generated" or "/validated" is appended. Any text */
};

/* Proofs of somebody, to be computed again (body of /pow/validate). Owns its texts and arrays. */
struct poc_batch {
    char    *public_key;
    char    *block_hash;
    int64_t  block_height;
    int64_t *nonces; /* n of them, none negative; NULL when n is 0 */
    double  *dist;   /* n distances that were claimed */
    size_t   n;
    int64_t  node_id;
};

/*
 * Parses a body of `len` bytes (NULL when len is 0). 0 and *ret, which ends with the *_done() of its kind. -EINVAL and
 * *ret_detail: an array of what is wrong, {"type", "loc", "msg", "input"} each, the caller's to cJSON_Delete(); at most
 * POC_DETAILS_MAX of them, and "input" only for bodies of up to POC_ECHO_MAX bytes. -ENOMEM. *ret is changed only with
 * 0.
 */
#define POC_DETAILS_MAX 32
#define POC_ECHO_MAX 4096
int poc_init_parse(const char *body, size_t len, struct poc_init *ret, cJSON **ret_detail);
int poc_batch_parse(const char *body, size_t len, struct poc_batch *ret, cJSON **ret_detail);

/* 1 when all members are equal: the running work serves this request too. */
int poc_init_equal(const struct poc_init *a, const struct poc_init *b);

/* Frees what it owns and clears it; a cleared one may be given again. */
void poc_init_done(struct poc_init *init);
void poc_batch_done(struct poc_batch *batch);

#endif
