/* sender.c: the batches of a queue to their receivers. */
#include "plugins/poc-worker/sender.h"

#include "kit/http.h"
#include "kit/text.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <syslog.h>
#include <time.h>

#define ANSWER_MS 60000  /* a handler goes on after we have hung up, and what is sent again it hands on twice */
#define ANSWER_MAX 65536 /* of an answer that nobody needs */
#define WORDS_MAX 160    /* of a refusal that are kept */

enum outcome { ACKNOWLEDGED, RECEIVER_FAILED, REFUSED, CANCELLED };

static int64_t
monotonic_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Without it a chance is missed, no more: then the wait is the full one. */
static int64_t
up_to(int64_t most)
{
    uint32_t chance = 0;

    if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) != sizeof(chance))
        return 0;
    return (int64_t)(chance % (uint64_t)(most + 1));
}

/* The wait after so many failures before this one. */
static int64_t
wait_ms(const struct poc_sender *sender, int64_t failures, int64_t most)
{
    int64_t wait = sender->wait_ms ? sender->wait_ms : POC_SENDER_WAIT_MS;

    for (int64_t i = 0; i < failures && wait < most; i++)
        wait *= 2;
    wait = wait < most ? wait : most;
    return wait - up_to(wait / 4);
}

static int
is_cancelled(const struct poc_sender *sender)
{
    struct pollfd cancel = {.fd = sender->cancel_fd, .events = POLLIN};

    return sender->cancel_fd > 0 && poll(&cancel, 1, 0) > 0;
}

static const char *
kind_name(const struct poc_letter *letter)
{
    return letter->kind == POC_LETTER_VALIDATED ? "validated" : "generated";
}

/* The lines that operators look for. */
__attribute__((format(printf, 3, 4))) static void
note(const struct poc_sender *sender, unsigned level, const char *format, ...)
{
    char    text[1200];
    va_list args;

    if (!sender->note)
        return;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    sender->note(sender->userdata, level, text);
}

/* --- one attempt -----------------------------------------------------------------------------------------------------
 */

/* The first words of an answer as one line of text: other bytes become blanks, several blanks one. */
static void
first_words(const char *text, size_t len, char *ret, size_t ret_len)
{
    size_t at = 0;
    size_t out = 0;

    while (at < len) {
        size_t n = ga_utf8_len(text + at, len - at);
        int    blank = n == 0 || (n == 1 && ((unsigned char)text[at] <= ' ' || text[at] == 0x7f));

        n = n == 0 ? 1 : n;
        if (out + n >= ret_len)
            break;
        if (!blank) {
            memcpy(ret + out, text + at, n);
            out += n;
        } else if (out > 0 && ret[out - 1] != ' ') {
            ret[out++] = ' ';
        }
        at += n;
    }
    while (out > 0 && ret[out - 1] == ' ')
        out--;
    ret[out] = '\0';
}

static enum outcome
judge(const struct ga_http_answer *answer)
{
    /* the status is the acknowledgement: what became of the rest of such an answer is nothing to us */
    if (answer->status >= 200 && answer->status <= 299)
        return ACKNOWLEDGED;
    if (answer->kind == GA_HTTP_CANCELLED)
        return CANCELLED;
    if (answer->kind == GA_HTTP_BAD_REQUEST)
        return REFUSED;
    if (answer->kind != GA_HTTP_OK && answer->kind != GA_HTTP_TOO_LARGE)
        return RECEIVER_FAILED;
    return answer->status == 408 || answer->status == 429 || answer->status >= 500 ? RECEIVER_FAILED : REFUSED;
}

static void
explain(struct poc_sender *sender, const char *url, const struct ga_http_answer *answer)
{
    char shown[200];
    char words[WORDS_MAX];

    if (answer->kind != GA_HTTP_OK && answer->kind != GA_HTTP_TOO_LARGE) {
        (void)snprintf(sender->last_error, sizeof(sender->last_error), "%.500s", answer->error);
        return;
    }
    first_words(answer->body ? answer->body : "", answer->len, words, sizeof(words));
    (void)snprintf(sender->last_error, sizeof(sender->last_error), "%s: %s a batch with status %ld%s%s",
                   ga_http_show_url(url, shown, sizeof(shown)),
                   judge(answer) == REFUSED ? "rejected" : "could not take", answer->status, *words ? ": " : "", words);
}

/* Posts it. Unless it was acknowledged or cancelled, last_error says what happened. */
static enum outcome
post(struct poc_sender *sender, const struct poc_letter *batch)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    struct ga_http_request   request = {.body = batch->body,
                                        .body_len = strlen(batch->body),
                                        .headers = headers,
                                        .ca_file = sender->ca_file,
                                        .total_ms = sender->answer_ms ? sender->answer_ms : ANSWER_MS,
                                        .max_answer = ANSWER_MAX,
                                        .cancel_fd = sender->cancel_fd};
    struct ga_http_answer    answer;
    enum outcome             outcome;
    size_t                   len = strlen(batch->url);
    char                    *url = NULL;
    char                     shown[512];

    if (len > 0 && batch->url[len - 1] == '/')
        len--;
    if (asprintf(&url, "%.*s/%s", (int)len, batch->url, kind_name(batch)) < 0) {
        (void)snprintf(sender->last_error, sizeof(sender->last_error), "there is not enough memory to send a batch");
        return RECEIVER_FAILED;
    }
    request.url = url;
    note(sender, LOG_INFO, "Sending %s batch to %s", kind_name(batch), ga_http_show_url(url, shown, sizeof(shown)));
    (void)ga_http(&request, &answer);
    outcome = judge(&answer);
    if (outcome == RECEIVER_FAILED || outcome == REFUSED)
        explain(sender, url, &answer);
    ga_http_done(&answer);
    free(url);
    return outcome;
}

/* --- what becomes of it ----------------------------------------------------------------------------------------------
 */

/* Takes out what was acknowledged; until that is done it is remembered here, lest it is sent twice. */
static int
take_out_acknowledged(struct poc_sender *sender)
{
    int r;

    if (sender->acknowledged_id == 0)
        return 0;
    r = poc_queue_sent(sender->queue, sender->acknowledged_id, sender->last_error, sizeof(sender->last_error));
    if (r == 0)
        sender->acknowledged_id = 0;
    return r;
}

/* Puts it back for later: last_error, which says why, is kept with it unless the queue has an error of its own. */
static int
put_back(struct poc_sender *sender, const struct poc_letter *batch, enum outcome outcome, int64_t now_ms)
{
    char               why[sizeof(sender->last_error)];
    struct poc_failure failure = {.why = sender->last_error};
    int                r;

    failure.not_before_ms = now_ms + wait_ms(sender, batch->attempts, POC_SENDER_WAIT_MAX_MS);
    if (outcome == REFUSED) { /* one that begins may refuse what it takes in a minute: the first attempts are near */
        sender->rejected++;
    } else {
        sender->retries++;
        failure.hold_receiver_ms = now_ms + wait_ms(sender, batch->receiver_failures, POC_SENDER_HOLD_MAX_MS);
    }
    note(sender, LOG_WARNING, "Error sending %s batch: %s; it is kept, the next attempt in %" PRId64 " s",
         kind_name(batch), sender->last_error, (failure.not_before_ms - now_ms + 999) / 1000);
    r = poc_queue_failed(sender->queue, batch->id, &failure, why, sizeof(why));
    if (r < 0)
        (void)snprintf(sender->last_error, sizeof(sender->last_error), "%s", why);
    return r;
}

static int
send_one(struct poc_sender *sender, const struct poc_letter *batch, int64_t now_ms)
{
    int64_t      start_ms = monotonic_ms();
    enum outcome outcome;
    int          r;

    if (is_cancelled(sender))
        return -ECANCELED;
    outcome = post(sender, batch);
    if (outcome == CANCELLED)
        return -ECANCELED;
    if (outcome != ACKNOWLEDGED) /* waits count from the end of the attempt, which may have been a long one */
        return put_back(sender, batch, outcome, now_ms + monotonic_ms() - start_ms);
    sender->sent++;
    sender->acknowledged_id = batch->id;
    r = take_out_acknowledged(sender);
    if (r == 0)
        note(sender, LOG_INFO, "Successfully sent %s batch", kind_name(batch));
    return r;
}

int
poc_sender_step(struct poc_sender *sender, int64_t now_ms)
{
    struct poc_letter batch;
    int64_t           start_ms = monotonic_ms();
    int               r = take_out_acknowledged(sender);

    /* what is due is asked for the time at which the step began: so each step ends, however long an attempt takes */
    while (r == 0) {
        r = poc_queue_peek_next(sender->queue, now_ms, &batch, sender->last_error, sizeof(sender->last_error));
        if (r <= 0)
            break;
        r = send_one(sender, &batch, now_ms + monotonic_ms() - start_ms);
        poc_letter_done(&batch);
    }
    return r;
}
