/* probe_dial.c: a TCP connection with a limit for the name's look-up, too, which curl has and getaddrinfo() has not. */
#include "plugins/seed-manager/probe.h"

#include <curl/curl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

/* curl calls it at least once a second. */
static int
on_progress(void *userdata, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct pollfd cancel = {.fd = *(const int *)userdata, .events = POLLIN};

    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return cancel.fd > 0 && poll(&cancel, 1, 0) > 0;
}

static void
explain(struct probe_dial *dial, CURLcode r)
{
    const char *what = curl_easy_strerror(r);

    if (r == CURLE_OPERATION_TIMEDOUT)
        what = "no connection in time";
    else if (r == CURLE_COULDNT_CONNECT)
        what = "refused or unreachable";
    else if (r == CURLE_COULDNT_RESOLVE_HOST)
        what = "its name has no address";
    else if (r == CURLE_ABORTED_BY_CALLBACK)
        what = "was cancelled";
    (void)snprintf(dial->why, sizeof(dial->why), "%s", what);
}

static void
set_up(CURL *easy, const char *url, int timeout_ms, int *cancel_fd)
{
    (void)curl_easy_setopt(easy, CURLOPT_URL, url);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)timeout_ms);
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    (void)curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    (void)curl_easy_setopt(easy, CURLOPT_XFERINFODATA, cancel_fd);
}

int
probe_dial(const char *host, int port, int timeout_ms, int cancel_fd, struct probe_dial *ret)
{
    char          url[CANDIDATE_URL_MAX];
    const char   *ip = NULL;
    curl_socket_t fd = CURL_SOCKET_BAD;
    CURLcode      r = CURLE_OUT_OF_MEMORY;

    memset(ret, 0, sizeof(*ret));
    ret->fd = -1;
    ret->easy = curl_easy_init();
    if (ret->easy) {
        (void)snprintf(url, sizeof(url), "http://%s:%d", host, port);
        set_up(ret->easy, url, timeout_ms, &cancel_fd);
        r = curl_easy_perform(ret->easy);
    }
    if (r == CURLE_OK)
        r = curl_easy_getinfo(ret->easy, CURLINFO_ACTIVESOCKET, &fd);
    if (r != CURLE_OK || fd == CURL_SOCKET_BAD) {
        explain(ret, r);
        return -1;
    }
    ret->fd = fd;
    if (curl_easy_getinfo(ret->easy, CURLINFO_PRIMARY_IP, &ip) == CURLE_OK && ip)
        (void)snprintf(ret->ip, sizeof(ret->ip), "%s", ip);
    return 0;
}

void
probe_hang_up(struct probe_dial *dial)
{
    curl_easy_cleanup(dial->easy);
    dial->easy = NULL;
    dial->fd = -1;
}
