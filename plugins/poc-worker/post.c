/* post.c: sending. */
#include "plugins/poc-worker/post.h"

#include "kit/http.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

static int64_t
real_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t
wait_for(int64_t every_ms, int64_t attempts)
{
    int64_t wait = every_ms;

    for (int64_t i = 0; i < attempts && wait < POC_POST_WAIT_MAX_MS; i++)
        wait *= 2;
    return wait < POC_POST_WAIT_MAX_MS ? wait : POC_POST_WAIT_MAX_MS;
}

static const char *
kind_name(const struct poc_letter *letter)
{
    return letter->kind == POC_GENERATED ? "generated" : "validated";
}

/* 1 acknowledged, 0 not, with the reason. */
static int
deliver(const struct poc_post *post, const struct poc_letter *letter, char *why, size_t len)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    struct ga_http_request   request = {.url = letter->url,
                                        .method = "POST",
                                        .body = letter->body,
                                        .body_len = strlen(letter->body),
                                        .headers = headers,
                                        .total_ms = 60000,
                                        .max_answer = 1u << 20,
                                        .cancel_fd = post->cancel_fd};
    struct ga_http_answer    answer;
    int                      taken;

    (void)ga_http(&request, &answer);
    taken = answer.kind == GA_HTTP_OK && answer.status >= 200 && answer.status < 300;
    if (answer.kind != GA_HTTP_OK)
        (void)snprintf(why, len, "%s", answer.error);
    else if (!taken)
        (void)snprintf(why, len, "status %ld: %.200s", answer.status, answer.body ? answer.body : "");
    ga_http_done(&answer);
    return taken;
}

static int
is_cancelled(const struct poc_post *post)
{
    struct pollfd poller = {.fd = post->cancel_fd, .events = POLLIN};

    return post->cancel_fd >= 0 && poll(&poller, 1, 0) == 1;
}

/* One letter. 0, or -1 when the outbox cannot be written. */
static int
send_one(struct poc_post *post, const struct poc_letter *letter)
{
    char    why[800] = "";
    char    text[1600];
    char    url[512];
    int64_t wait = wait_for(post->every_ms, letter->attempts);

    (void)ga_http_show_url(letter->url, url, sizeof(url));
    (void)snprintf(text, sizeof(text), "Sending %s batch to %s", kind_name(letter), url);
    post->note(post->userdata, LOG_INFO, text);
    if (deliver(post, letter, why, sizeof(why))) {
        post->sent++;
        if (poc_outbox_sent(post->outbox, letter->id, why, sizeof(why)) < 0) {
            post->note(post->userdata, LOG_ERR, why);
            return -1;
        }
        (void)snprintf(text, sizeof(text), "Successfully sent %s batch", kind_name(letter));
        post->note(post->userdata, LOG_INFO, text);
        return 0;
    }
    if (is_cancelled(post))
        return 0;
    post->failed++;
    (void)snprintf(text, sizeof(text),
                   "Error sending %s batch to %s: %s; it is kept, the next attempt in %" PRId64 " ms",
                   kind_name(letter), url, why, wait);
    post->note(post->userdata, LOG_WARNING, text);
    if (poc_outbox_failed(post->outbox, letter, real_ms() + wait, why, sizeof(why)) == 0)
        return 0;
    post->note(post->userdata, LOG_ERR, why);
    return -1;
}

int
poc_post_all(struct poc_post *post)
{
    struct poc_letter letter;
    char              why[512];

    while (!is_cancelled(post)) {
        int r = poc_outbox_next(post->outbox, real_ms(), &letter, why, sizeof(why));

        if (r < 0)
            post->note(post->userdata, LOG_ERR, why);
        if (r <= 0)
            return r;
        r = send_one(post, &letter);
        poc_letter_done(&letter);
        if (r < 0)
            return -1;
    }
    return 0;
}
