/*
 * kit/http.h: one HTTP request, one call. On libcurl.
 *
 * http and https only, TLS always verified, redirects stay on their scheme and host, answers are capped, every wait has
 * a limit and can be cancelled. Proxies, cookies, .netrc and environment variables are not used. No signals.
 *
 * Thread-safe once ga_http_setup() was called (it is called by the first request; call it before making threads).
 */
#ifndef GA_KIT_HTTP_H
#define GA_KIT_HTTP_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What became of a request. */
enum ga_http_kind {
    GA_HTTP_OK,          /* a complete answer, whatever its status */
    GA_HTTP_BAD_REQUEST, /* the request is at fault: no http(s) URL, a bad header */
    GA_HTTP_RESOLVE,     /* no address for the name */
    GA_HTTP_CONNECT,     /* refused or unreachable: nothing answered */
    GA_HTTP_TIMEOUT,     /* a limit of time or of speed was passed */
    GA_HTTP_TLS,         /* the certificate or the handshake */
    GA_HTTP_TOO_LARGE,   /* more than max_answer */
    GA_HTTP_REDIRECT,    /* leads elsewhere: another scheme or host, or round and round */
    GA_HTTP_CUT,         /* the connection ended within the answer */
    GA_HTTP_CANCELLED,
    GA_HTTP_NO_MEMORY,
    GA_HTTP_STOPPED, /* on_data said so */
};

struct ga_http_request {
    const char        *url;
    const char        *method; /* NULL: GET, or POST when there is a body */
    const char        *body;   /* NULL: none */
    size_t             body_len;
    const char *const *headers;       /* "Name: value", NULL at the end; or NULL */
    const char        *bearer;        /* a secret for Authorization; never logged; or NULL */
    const char        *unix_socket;   /* connect to this instead of the URL's host; or NULL */
    const char        *ca_file;       /* instead of the system's; or NULL */
    int                connect_ms;    /* 0: 5 s */
    int                total_ms;      /* 0: 30 s; -1: no limit (a download: low_speed holds) */
    long               low_speed;     /* bytes per second that must be reached ... */
    long               low_speed_s;   /* ... on average of so many seconds; 0: not asked */
    size_t             max_answer;    /* bytes; 0: 8 MiB */
    int                max_redirects; /* 0: none are followed */
    int                cancel_fd;     /* readable: give up; -1: cannot be cancelled (0 counts as -1) */
    uint64_t           from;          /* ask for the bytes from here on (Range); status 206 says that it was heard */
    /* Gets the answer piece by piece instead of having it kept; returns 0 to go on, else the request ends. */
    int (*on_data)(const void *data, size_t len, void *userdata);
    void *userdata;
};

struct ga_http_answer {
    enum ga_http_kind kind;
    long              status; /* 0: none came */
    char             *body;   /* followed by a NUL that is not counted; NULL with on_data */
    size_t            len;
    char              content_type[128];
    char error[768]; /* one sentence when kind is not GA_HTTP_OK: what, where (no userinfo), the next step */
};

void ga_http_setup(void);

/* Does it. Returns answer->kind; `answer` is always filled and must be given to ga_http_done(). */
enum ga_http_kind ga_http(const struct ga_http_request *request, struct ga_http_answer *answer);
void              ga_http_done(struct ga_http_answer *answer);

/*
 * The same for a JSON answer of status 200 to 299: 0 and *ret (the caller's). Otherwise a negative errno with a
 * sentence in reterr: -EBADMSG what came is no JSON (an error page, says the sentence), -EREMOTEIO another status,
 * -ECANCELED, -ENOMEM, -EINVAL, or -EIO for all that kept an answer from coming. `ret_status` (may be NULL) gets the
 * status, 0 if none.
 */
int ga_http_json(const struct ga_http_request *request, cJSON **ret, long *ret_status, char *reterr, size_t reterr_len);

/* The URL without user, password, query and fragment, for messages. Returns buf. */
char *ga_http_show_url(const char *url, char *buf, size_t len);

#ifdef __cplusplus
}
#endif

#endif
