/* download.c: a large file over HTTP into a descriptor. */
#include "kit/download.h"

#include "kit/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define CONNECT_MS 10000
#define LOW_SPEED 1000
#define LOW_SPEED_S 30
#define REDIRECTS 5
#define CHUNK ((size_t)1 << 16)

/* What became of one request. */
enum got {
    GOT_ALL,      /* the file is complete */
    GOT_AGAIN,    /* the part that was there is of no use: from the start, please */
    GOT_REDIRECT, /* elsewhere */
    GOT_ERROR,    /* `error` says what */
};

struct transfer {
    const struct ga_download *download;
    struct ga_downloaded     *ret;
    EVP_MD_CTX               *hash;
    CURL                     *easy;
    uint64_t                  from;    /* where this request begins */
    uint64_t                  start;   /* where the answer says that it begins; UINT64_MAX: it does not say */
    int                       judged;  /* the answer's head was looked at */
    int                       useless; /* it does not begin where it was asked to */
    int                       error;   /* of the file, or -EFBIG */
    char                      curl_error[CURL_ERROR_SIZE];
};

static int
fail(struct transfer *transfer, int r, const char *what)
{
    char shown[256];

    (void)snprintf(transfer->ret->error, sizeof(transfer->ret->error), "%s: %s",
                   ga_http_show_url(transfer->download->url, shown, sizeof(shown)), what);
    return r;
}

/* --- the file and its hash -----------------------------------------------------------------------------------------
 */

static int
write_all(int fd, const char *data, size_t len, uint64_t at)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, data, len, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        data += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

/* Empties the file and starts the hash anew. */
static int
start_over(struct transfer *transfer)
{
    transfer->ret->bytes = 0;
    transfer->ret->resumed = 0;
    if (ftruncate(transfer->download->fd, 0) < 0)
        return -errno;
    return EVP_DigestInit_ex(transfer->hash, EVP_sha256(), NULL) == 1 ? 0 : -ENOMEM;
}

/* Hashes what is there. */
static int
take_part(struct transfer *transfer)
{
    char *chunk = malloc(CHUNK);
    int   r = chunk && EVP_DigestInit_ex(transfer->hash, EVP_sha256(), NULL) == 1 ? 0 : -ENOMEM;

    while (r == 0 && transfer->ret->bytes <= transfer->download->max_bytes) {
        ssize_t n = pread(transfer->download->fd, chunk, CHUNK, (off_t)transfer->ret->bytes);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            r = -errno;
        if (n <= 0)
            break;
        if (EVP_DigestUpdate(transfer->hash, chunk, (size_t)n) != 1)
            r = -ENOMEM;
        transfer->ret->bytes += (uint64_t)n;
    }
    free(chunk);
    if (r == 0 && transfer->ret->bytes > transfer->download->max_bytes)
        r = start_over(transfer);
    return r;
}

static int
hash_text(const struct transfer *transfer, char sha256[GA_DOWNLOAD_SHA256])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int  n = 0;
    EVP_MD_CTX   *copy = EVP_MD_CTX_new();
    int r = copy && EVP_MD_CTX_copy_ex(copy, transfer->hash) == 1 && EVP_DigestFinal_ex(copy, digest, &n) == 1 &&
                    n == (GA_DOWNLOAD_SHA256 - 1) / 2
                ? 0
                : -ENOMEM;

    EVP_MD_CTX_free(copy);
    for (unsigned int i = 0; r == 0 && i < n; i++)
        (void)snprintf(sha256 + 2 * i, 3, "%02x", digest[i]);
    return r;
}

/* --- what comes ----------------------------------------------------------------------------------------------------
 */

static size_t
on_header(char *line, size_t size, size_t n, void *userdata)
{
    static const char NAME[] = "content-range:";
    struct transfer  *transfer = userdata;
    size_t            len = size * n;
    char              text[96];

    if (len >= 5 && strncmp(line, "HTTP/", 5) == 0)
        transfer->start = UINT64_MAX;
    if (len > sizeof(NAME) && len < sizeof(text) && strncasecmp(line, NAME, sizeof(NAME) - 1) == 0) {
        unsigned long long start;

        memcpy(text, line, len);
        text[len] = '\0';
        if (sscanf(text + sizeof(NAME) - 1, " bytes %llu-", &start) == 1)
            transfer->start = start;
    }
    return len;
}

/* Looks at the answer's head once its body begins. 1: the body is of use. */
static int
judge_head(struct transfer *transfer)
{
    long status = 0;

    (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    transfer->judged = 1;
    if (status == 206 && transfer->from > 0) {
        transfer->useless = transfer->start != transfer->from;
        return !transfer->useless;
    }
    if (status != 200)
        return 0;
    if (transfer->from > 0) /* it does not know ranges, and sends all */
        transfer->error = start_over(transfer);
    return transfer->error == 0;
}

static void
tell(const struct transfer *transfer)
{
    curl_off_t rest = -1;

    if (!transfer->download->progress)
        return;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &rest);
    transfer->download->progress(transfer->ret->bytes,
                                 rest < 0 ? 0 : (uint64_t)rest + (transfer->ret->resumed ? transfer->from : 0),
                                 transfer->download->userdata);
}

static size_t
on_body(char *data, size_t size, size_t n, void *userdata)
{
    struct transfer      *transfer = userdata;
    struct ga_downloaded *ret = transfer->ret;
    size_t                len = size * n;

    if (!transfer->judged && !judge_head(transfer))
        return 0;
    if (len > transfer->download->max_bytes - ret->bytes) {
        transfer->error = -EFBIG;
        return 0;
    }
    transfer->error = write_all(transfer->download->fd, data, len, ret->bytes);
    if (transfer->error == 0 && EVP_DigestUpdate(transfer->hash, data, len) != 1)
        transfer->error = -ENOMEM;
    if (transfer->error < 0)
        return 0;
    ret->bytes += len;
    ret->fetched += len;
    tell(transfer);
    return len;
}

/* --- one request ---------------------------------------------------------------------------------------------------
 */

static void
set_request(struct transfer *transfer, const char *url)
{
    const struct ga_download *download = transfer->download;
    CURL                     *easy = transfer->easy;

    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    (void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L); /* we look at each redirect ourselves */
#if LIBCURL_VERSION_NUM >= 0x075500
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    (void)curl_easy_setopt(easy, CURLOPT_URL, url);
    (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, "gonka-agent");
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->curl_error);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                           (long)(download->connect_ms ? download->connect_ms : CONNECT_MS));
    (void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, download->low_speed ? download->low_speed : LOW_SPEED);
    (void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, download->low_speed_s ? download->low_speed_s : LOW_SPEED_S);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    (void)curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 256L << 10);
    if (download->ca_file)
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, download->ca_file);
}

/* Asks for the rest by a Range of our own: curl's way to resume fails by itself where a server sends all. */
static void
set_range(struct transfer *transfer)
{
    char range[32];

    if (transfer->from == 0)
        return;
    (void)snprintf(range, sizeof(range), "%llu-", (unsigned long long)transfer->from);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_RANGE, range); /* unheard, the answer is a 200, which is seen */
}

/* Drives it; curl's verdict, or -1 when it was cancelled. */
static int
perform(CURLM *multi, int cancel_fd)
{
    int running = 1;
    int left;

    while (running) {
        struct curl_waitfd cancel = {.fd = cancel_fd, .events = CURL_WAIT_POLLIN};
        CURLMcode          r = curl_multi_perform(multi, &running);

        if (r == CURLM_OK && running)
            r = curl_multi_poll(multi, &cancel, cancel_fd > 0 ? 1 : 0, 1000, NULL);
        if (r != CURLM_OK)
            return CURLE_FAILED_INIT;
        if (cancel_fd > 0 && cancel.revents != 0)
            return -1;
    }
    for (CURLMsg *message; (message = curl_multi_info_read(multi, &left));)
        if (message->msg == CURLMSG_DONE)
            return (int)message->data.result;
    return CURLE_FAILED_INIT;
}

static int
why_cut(struct transfer *transfer, int r)
{
    char what[CURL_ERROR_SIZE + 128];

    switch (r) {
    case -1:
        return fail(transfer, -ECANCELED, "was cancelled; what has come is kept");
    case CURLE_OUT_OF_MEMORY:
        return fail(transfer, -ENOMEM, "there is not enough memory");
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
        return fail(transfer, -EINVAL, "is no http or https URL");
    case CURLE_COULDNT_RESOLVE_HOST:
        return fail(transfer, -EIO, "its name has no address: check the spelling and the DNS");
    default:
        (void)snprintf(what, sizeof(what), "%.*s; %llu bytes are kept and it goes on from there", CURL_ERROR_SIZE,
                       *transfer->curl_error ? transfer->curl_error : curl_easy_strerror((CURLcode)r),
                       (unsigned long long)transfer->ret->bytes);
        return fail(transfer, -EIO, what);
    }
}

static int
why_error(struct transfer *transfer)
{
    char what[200];
    int  r = transfer->error;

    if (r == -EFBIG) {
        (void)start_over(transfer);
        (void)snprintf(what, sizeof(what), "is larger than %llu bytes, which is all that is allowed",
                       (unsigned long long)transfer->download->max_bytes);
        return fail(transfer, r, what);
    }
    (void)snprintf(what, sizeof(what), "cannot be kept: %s; is there room in the download folder?",
                   strerrordesc_np(-r));
    return fail(transfer, r, what);
}

/* What an answer means. *ret_error is set with GOT_ERROR. */
static enum got
understand(struct transfer *transfer, int r, int *ret_error)
{
    char what[64];
    long status = 0;

    (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (r != -1 && r != CURLE_OK && transfer->error == 0 && r != CURLE_WRITE_ERROR)
        status = 0; /* cut off: the status is not the reason */
    if (transfer->error < 0) {
        *ret_error = why_error(transfer);
        return GOT_ERROR;
    }
    if (transfer->useless || (status == 416 && transfer->from > 0))
        return GOT_AGAIN;
    if (status >= 300 && status <= 399)
        return GOT_REDIRECT;
    if (status != 0 && status != 200 && !(status == 206 && transfer->from > 0)) {
        (void)snprintf(what, sizeof(what), "answered with status %ld", status);
        *ret_error = fail(transfer, -EREMOTEIO, what);
        return GOT_ERROR;
    }
    if (r == CURLE_OK)
        return GOT_ALL;
    *ret_error = why_cut(transfer, r);
    return GOT_ERROR;
}

/* One request, no redirect followed. *ret_next: where it redirects to, the caller's, or NULL. */
static enum got
one_request(struct transfer *transfer, const char *url, char **ret_next, int *ret_error)
{
    CURLM   *multi = curl_multi_init();
    char    *next = NULL;
    enum got got = GOT_ERROR;

    transfer->easy = curl_easy_init();
    transfer->from = transfer->ret->bytes;
    transfer->start = UINT64_MAX;
    transfer->judged = 0;
    transfer->useless = 0;
    transfer->error = 0;
    transfer->ret->resumed = transfer->from > 0;
    *transfer->curl_error = '\0';
    if (!multi || !transfer->easy) {
        *ret_error = fail(transfer, -ENOMEM, "there is not enough memory");
    } else {
        set_request(transfer, url);
        set_range(transfer);
        (void)curl_multi_add_handle(multi, transfer->easy);
        got = understand(transfer, perform(multi, transfer->download->cancel_fd), ret_error);
        (void)curl_easy_getinfo(transfer->easy, CURLINFO_REDIRECT_URL, &next);
        *ret_next = got == GOT_REDIRECT && next ? strdup(next) : NULL;
        (void)curl_multi_remove_handle(multi, transfer->easy);
    }
    curl_easy_cleanup(transfer->easy);
    if (multi)
        (void)curl_multi_cleanup(multi);
    return got;
}

/* --- the whole -----------------------------------------------------------------------------------------------------
 */

static int
is_https(const char *url)
{
    return strncasecmp(url, "https://", 8) == 0;
}

static int
is_http(const char *url)
{
    return strncasecmp(url, "http://", 7) == 0 || is_https(url);
}

/* Requests until there is a complete file or no hope. */
static int
fetch(struct transfer *transfer)
{
    int   most = transfer->download->max_redirects ? transfer->download->max_redirects : REDIRECTS;
    char *url = strdup(transfer->download->url);
    int   again = 0;
    int   r = url ? -EINPROGRESS : -ENOMEM;

    for (int hops = 0; r == -EINPROGRESS;) {
        char    *next = NULL;
        enum got got = one_request(transfer, url, &next, &r);

        if (got == GOT_ALL) {
            r = 0;
        } else if (got == GOT_AGAIN) {
            r = again++ ? fail(transfer, -EIO, "cannot be resumed, and not be had from the start")
                        : start_over(transfer);
            r = r == 0 ? -EINPROGRESS : r;
        } else if (got == GOT_REDIRECT) {
            if (!next || ++hops > most)
                r = fail(transfer, -EINVAL, "redirects to nowhere, or too often");
            else if (!is_http(next) || (is_https(url) && !is_https(next)))
                r = fail(transfer, -EINVAL, "redirects to a weaker scheme, where we do not follow");
            else
                r = -EINPROGRESS;
            free(url);
            url = next;
            next = NULL;
        }
        free(next);
    }
    free(url);
    return r;
}

/* Fetches, and compares the sum. 1: it came out wrong, but of a part that was there before: worth another try. */
static int
fetch_and_compare(struct transfer *transfer)
{
    struct ga_downloaded *ret = transfer->ret;
    const char           *wanted = transfer->download->sha256;
    char                  what[256];
    int                   had_part = ret->bytes > 0;
    int                   r = fetch(transfer);

    if (r == 0)
        r = hash_text(transfer, ret->sha256);
    if (r < 0 || !wanted || !*wanted || strcmp(ret->sha256, wanted) == 0)
        return r;
    (void)snprintf(what, sizeof(what), "has the sha256 %s, but %s is expected: do not use it, and ask who published it",
                   ret->sha256, wanted);
    ret->sha256[0] = '\0';
    had_part = had_part && ret->resumed;
    r = start_over(transfer);
    return r < 0 ? r : had_part ? 1 : fail(transfer, -EBADMSG, what);
}

/* Is the part already the whole? Then nothing is asked. */
static int
is_whole(struct transfer *transfer)
{
    struct ga_downloaded *ret = transfer->ret;

    if (ret->bytes > 0 && hash_text(transfer, ret->sha256) == 0 &&
        strcmp(ret->sha256, transfer->download->sha256) == 0) {
        ret->resumed = 1;
        return 1;
    }
    ret->sha256[0] = '\0';
    return 0;
}

int
ga_download(const struct ga_download *download, struct ga_downloaded *ret)
{
    struct transfer transfer = {.download = download, .ret = ret, .hash = EVP_MD_CTX_new()};
    int             known = download->sha256 && *download->sha256;
    int             r;

    *ret = (struct ga_downloaded){0};
    ga_http_setup();
    if (!transfer.hash)
        return fail(&transfer, -ENOMEM, "there is not enough memory");
    if (!is_http(download->url)) {
        EVP_MD_CTX_free(transfer.hash);
        return fail(&transfer, -EINVAL, "is no http or https URL");
    }
    r = known ? take_part(&transfer) : start_over(&transfer);
    if (r == 0 && !(known && is_whole(&transfer))) {
        r = fetch_and_compare(&transfer);
        if (r == 1)
            r = fetch_and_compare(&transfer);
    }
    if (r == 0 && fsync(download->fd) < 0)
        r = -errno;
    if (r < 0 && !*ret->error) {
        transfer.error = r;
        (void)why_error(&transfer);
    }
    if (r < 0)
        ret->sha256[0] = '\0';
    EVP_MD_CTX_free(transfer.hash);
    return r;
}
