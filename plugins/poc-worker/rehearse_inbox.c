/* rehearse_inbox.c: the receiver of a rehearsal, on the server of the REST API. */
#include "plugins/poc-worker/rehearse_inbox.h"

#include "plugins/poc-worker/httpd.h"
#include "plugins/poc-worker/crew.h"
#include "plugins/poc-worker/spec.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LETTERS_MAX 256       /* that wait; a node gets 503 then, and sends again */
#define BYTES_MAX (64u << 20) /* of all that wait */
#define GENERATED "/generated"
#define VALIDATED "/validated"

struct rehearse_inbox {
    struct poc_httpd      *httpd;
    pthread_mutex_t        lock; /* of what follows */
    struct rehearse_letter letters[LETTERS_MAX];
    size_t                 first;
    size_t                 n;
    size_t                 bytes;
    size_t                 strays;
    int                    fd;
    char                   suffix[64]; /* of the path where our proofs are posted */
};

/* 0, -ENOSPC or -ENOMEM. */
static int
put(struct rehearse_inbox *inbox, const char *body, size_t len)
{
    struct rehearse_letter letter = {.body = malloc(len + 1), .len = len, .time_ms = poc_now_ms()};
    int                    r = letter.body ? 0 : -ENOMEM;

    if (r < 0)
        return r;
    if (len > 0)
        memcpy(letter.body, body, len);
    letter.body[len] = 0;
    (void)pthread_mutex_lock(&inbox->lock);
    if (inbox->n == LETTERS_MAX || len > BYTES_MAX - inbox->bytes)
        r = -ENOSPC;
    if (r == 0) {
        inbox->letters[(inbox->first + inbox->n++) % LETTERS_MAX] = letter;
        inbox->bytes += len;
    }
    (void)pthread_mutex_unlock(&inbox->lock);
    if (r < 0)
        free(letter.body);
    else
        (void)eventfd_write(inbox->fd, 1);
    return r;
}

static int
ends_with(const char *text, const char *suffix)
{
    size_t len = strlen(text);
    size_t n = strlen(suffix);

    return len >= n && strcmp(text + len - n, suffix) == 0;
}

static int
acknowledge(struct poc_reply *ret)
{
    static const char taken[] = "{\"message\":\"Received ProofBatch successfully\"}";

    *ret = (struct poc_reply){.status = 200, .body = strdup(taken), .len = strlen(taken)};
    return ret->body ? 0 : -ENOMEM;
}

/* Called by the server's threads, one at a time. */
static int
on_request(void *userdata, const char *method, const char *path, const char *body, size_t len, struct poc_reply *ret)
{
    struct rehearse_inbox *inbox = userdata;
    const int              is_post = strcmp(method, "POST") == 0;
    int                    r;

    if (!is_post || !ends_with(path, inbox->suffix)) {
        (void)pthread_mutex_lock(&inbox->lock);
        inbox->strays++;
        (void)pthread_mutex_unlock(&inbox->lock);
        if (is_post && (ends_with(path, GENERATED) || ends_with(path, VALIDATED)))
            return acknowledge(ret); /* of an earlier rehearsal: a node need not keep them */
        return poc_reply_detail(ret, 404, "proofs are posted to " GENERATED " here, and nothing else");
    }
    r = put(inbox, body, len);
    if (r == -ENOSPC)
        return poc_reply_detail(ret, 503, "too many batches wait to be checked; send it again");
    return r < 0 ? r : acknowledge(ret);
}

int
rehearse_inbox_open(const char *url, const char *mark, struct rehearse_inbox **ret, char *reterr, size_t reterr_len)
{
    struct rehearse_inbox  *inbox;
    char                    address[128];
    struct poc_httpd_config config = {.address = address, .handle = on_request};
    int                     r;

    if (poc_spec_listen(url, address, sizeof(address), &config.port) < 0) {
        (void)snprintf(reterr, reterr_len, "listen: %.200s has no address in figures and port", url);
        return -EINVAL;
    }
    inbox = calloc(1, sizeof(*inbox));
    if (!inbox) {
        (void)snprintf(reterr, reterr_len, "no memory for the receiver");
        return -ENOMEM;
    }
    (void)pthread_mutex_init(&inbox->lock, NULL);
    inbox->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    config.userdata = inbox;
    (void)snprintf(inbox->suffix, sizeof(inbox->suffix), "/%s" GENERATED, mark);
    r = inbox->fd < 0 ? -errno : 0;
    if (r < 0)
        (void)snprintf(reterr, reterr_len, "no descriptor for the receiver: %s", strerrorname_np(-r));
    else
        r = poc_httpd_start(&config, &inbox->httpd, reterr, reterr_len);
    if (r < 0)
        rehearse_inbox_close(inbox);
    else
        *ret = inbox;
    return r;
}

int
rehearse_inbox_fd(const struct rehearse_inbox *inbox)
{
    return inbox->fd;
}

int
rehearse_inbox_take(struct rehearse_inbox *inbox, struct rehearse_letter *ret)
{
    eventfd_t count;
    int       found = 0;

    (void)eventfd_read(inbox->fd, &count); /* before the look: what comes after it makes it readable again */
    (void)pthread_mutex_lock(&inbox->lock);
    if (inbox->n > 0) {
        *ret = inbox->letters[inbox->first];
        inbox->first = (inbox->first + 1) % LETTERS_MAX;
        inbox->n--;
        inbox->bytes -= ret->len;
        found = 1;
    }
    (void)pthread_mutex_unlock(&inbox->lock);
    return found;
}

size_t
rehearse_inbox_strays(struct rehearse_inbox *inbox)
{
    size_t strays;

    (void)pthread_mutex_lock(&inbox->lock);
    strays = inbox->strays;
    (void)pthread_mutex_unlock(&inbox->lock);
    return strays;
}

void
rehearse_inbox_close(struct rehearse_inbox *inbox)
{
    struct rehearse_letter letter;

    if (!inbox)
        return;
    poc_httpd_stop(inbox->httpd);
    while (rehearse_inbox_take(inbox, &letter))
        free(letter.body);
    if (inbox->fd >= 0)
        (void)close(inbox->fd);
    (void)pthread_mutex_destroy(&inbox->lock);
    free(inbox);
}
