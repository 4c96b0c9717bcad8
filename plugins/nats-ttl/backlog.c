/* backlog.c: what a shorter life would drop, asked before it is set. */
#include "plugins/nats-ttl/ttl.h"

#include "kit/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t
least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t
most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void
backlog_share(const cJSON *consumer, int64_t first_seq, int64_t keep_seq, int64_t *ret_pending,
              int64_t *ret_unacknowledged)
{
    int64_t pending = 0;
    int64_t unacknowledged = 0;
    int64_t delivered = 0;
    int64_t floor_seq = 0;

    (void)ga_json_i64(consumer, "num_pending", &pending);
    (void)ga_json_i64(consumer, "num_ack_pending", &unacknowledged);
    (void)ga_json_i64(ga_json_get(consumer, "delivered"), "stream_seq", &delivered);
    (void)ga_json_i64(ga_json_get(consumer, "ack_floor"), "stream_seq", &floor_seq);
    /* Not yet delivered lies above `delivered`; delivered and not acknowledged between the floor and it. */
    *ret_pending = most(0, least(pending, keep_seq - most(delivered + 1, first_seq)));
    *ret_unacknowledged =
        most(0, least(unacknowledged, least(delivered + 1, keep_seq) - most(floor_seq + 1, first_seq)));
}

/* The first message at or after seq: its number and time. 1, 0 none, -1 with *err. */
static int
message_at(struct ga_nats *nats, const char *stream, int64_t seq, int64_t *ret_seq, int64_t *ret_ns,
           struct ga_nats_error *err)
{
    cJSON       *body = cJSON_CreateObject();
    cJSON       *answer = NULL;
    const cJSON *message;
    char         call[300];
    int          r = -1;

    (void)snprintf(call, sizeof(call), "STREAM.MSG.GET.%s", stream);
    err->why = GA_NATS_OTHER;
    (void)snprintf(err->text, sizeof(err->text), "out of memory");
    if (body && ga_json_add_i64(body, "seq", seq) == 0 && cJSON_AddStringToObject(body, "next_by_subj", ">"))
        answer = ga_nats_js(nats, call, body, 0, err);
    cJSON_Delete(body);
    if (!answer)
        return err->why == GA_NATS_API && err->api_code == 404 ? 0 : -1;
    message = ga_json_get(answer, "message");
    if (ga_json_i64(message, "seq", ret_seq) == 0 && parse_time(ga_json_str(message, "time"), ret_ns) == 0) {
        r = 1;
    } else {
        err->why = GA_NATS_NOT_JSON;
        (void)snprintf(err->text, sizeof(err->text), "%s: %s: the answer holds no message with number and time",
                       ga_nats_url(nats), call);
    }
    cJSON_Delete(answer);
    return r;
}

/*
 * The same on servers before 2.9 too, which know no next_by_subj and find nothing in a gap: then look beyond it in
 * growing steps.
 */
static int
message_near(struct ga_nats *nats, const char *stream, int64_t seq, int64_t end, int64_t *ret_seq, int64_t *ret_ns,
             struct ga_nats_error *err)
{
    int r = message_at(nats, stream, seq, ret_seq, ret_ns, err);

    for (int64_t step = 1; r == 0 && seq + step < end; step *= 2)
        r = message_at(nats, stream, seq + step, ret_seq, ret_ns, err);
    return r;
}

/*
 * The first message that would stay, by halving: messages are in the order of their times. Where no message is found
 * (a wide gap on a server before 2.9) those before it count as dropped: too many is what a guard may say, too few not.
 */
static int
find_keep(struct ga_nats *nats, const char *stream, const struct judgement *judgement, int64_t cut_ns, int64_t *ret,
          struct ga_nats_error *err)
{
    int64_t low = judgement->first_seq;
    int64_t high = judgement->last_seq + 1;

    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        int64_t seq = 0;
        int64_t time_ns = 0;
        int     r = message_near(nats, stream, middle, high, &seq, &time_ns, err);

        if (r < 0)
            return -1;
        if (r == 0)
            low = middle + 1;
        else if (time_ns >= cut_ns)
            high = middle;
        else
            low = seq + 1;
    }
    *ret = low;
    return 0;
}

struct share {
    struct backlog *backlog;
    int64_t         first_seq;
    int64_t         keep_seq;
};

static int
each_consumer(cJSON *consumer, void *userdata)
{
    struct share *share = userdata;
    const char   *name = ga_json_str(consumer, "name");
    int64_t       pending;
    int64_t       unacknowledged;
    cJSON        *row;

    backlog_share(consumer, share->first_seq, share->keep_seq, &pending, &unacknowledged);
    if (pending + unacknowledged == 0)
        return 0;
    share->backlog->unprocessed += pending + unacknowledged;
    row = cJSON_CreateObject();
    if (!row || !cJSON_AddStringToObject(row, "name", name ? name : "?") || ga_json_add_i64(row, "pending", pending) ||
        ga_json_add_i64(row, "unacknowledged", unacknowledged) || !cJSON_AddItemToArray(share->backlog->consumers, row))
        cJSON_Delete(row); /* the sum counts, the row is for people */
    return 0;
}

int
backlog_find(struct ga_nats *nats, const char *stream, const char *retention, const struct judgement *judgement,
             int64_t now_ns, struct backlog *ret, struct ga_nats_error *err)
{
    struct share share = {.backlog = ret, .first_seq = judgement->first_seq};
    char         call[300];

    memset(ret, 0, sizeof(*ret));
    ret->consumers = cJSON_CreateArray();
    if (!ret->consumers) {
        err->why = GA_NATS_OTHER;
        (void)snprintf(err->text, sizeof(err->text), "out of memory");
        return -1;
    }
    if (judgement->messages == 0 || (judgement->oldest_ns >= 0 && judgement->oldest_ns < judgement->want_ns))
        return 0;
    if (find_keep(nats, stream, judgement, now_ns - judgement->want_ns, &share.keep_seq, err) < 0)
        return -1;
    ret->messages = least(judgement->messages, share.keep_seq - judgement->first_seq);
    ret->bytes = (int64_t)((double)judgement->bytes * ((double)ret->messages / (double)judgement->messages));
    if (ret->messages == 0)
        return 0;
    (void)snprintf(call, sizeof(call), "CONSUMER.LIST.%s", stream);
    if (ga_nats_js_list(nats, call, "consumers", each_consumer, &share, err) < 0)
        return -1;
    /* In a work queue and with interest, what is still there has not been processed by somebody. */
    if (retention && strcmp(retention, "limits") != 0)
        ret->unprocessed = most(ret->unprocessed, ret->messages);
    return 0;
}

void
backlog_done(struct backlog *backlog)
{
    cJSON_Delete(backlog->consumers);
    backlog->consumers = NULL;
}
