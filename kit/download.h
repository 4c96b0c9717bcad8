/*
 * kit/download.h: a large file over HTTP into a descriptor, its sha256 computed while it comes, resumed after a cut.
 *
 * What is in the descriptor already is taken as the beginning of the file. It is read and hashed again, and only the
 * rest is asked for. Nobody has to believe a server's word that its file is still the same: with the expected sha256
 * given, a resumed file that comes out wrong is fetched once more from the start, and then it counts.
 *
 * http and https only, TLS always verified. Redirects may lead to other hosts, never from https to http. Proxies,
 * cookies, .netrc and environment variables are not used. Thread-safe; a descriptor belongs to one download at a time.
 */
#ifndef GA_KIT_DOWNLOAD_H
#define GA_KIT_DOWNLOAD_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GA_DOWNLOAD_SHA256 65 /* bytes of a checksum in hex with its NUL */

struct ga_download {
    const char *url;
    int         fd;            /* a regular file, open for reading and writing; its content is the part that is there */
    const char *sha256;        /* expected, hex in lower case; NULL or "": unknown, and then nothing is resumed */
    uint64_t    max_bytes;     /* of the whole file */
    int         connect_ms;    /* 0: 10 s */
    long        low_speed;     /* bytes per second that must be reached ... 0: 1000 */
    long        low_speed_s;   /* ... on average of so many seconds; 0: 30 */
    int         max_redirects; /* 0: 5 */
    int         cancel_fd;     /* readable: give up; 0 or -1: cannot be cancelled */
    const char *ca_file;       /* instead of the system's; or NULL */
    /* Told now and then what is there of what is expected (total 0: not known). May be NULL. */
    void (*progress)(uint64_t done, uint64_t total, void *userdata);
    void *userdata;
};

struct ga_downloaded {
    uint64_t bytes;                      /* in the descriptor now */
    uint64_t fetched;                    /* of them, or of what was thrown away, came over the network in this call */
    int      resumed;                    /* 1: the part that was there was used */
    char     sha256[GA_DOWNLOAD_SHA256]; /* of all; "" unless the download is complete */
    char     error[768];                 /* one sentence; "" with 0 */
};

/*
 * Does it. 0: the file is complete and synced, and its sha256 is the expected one (when one was given). Otherwise a
 * negative errno and a sentence. What has come stays in the descriptor and is used by the next call, but for -EBADMSG
 * (not the expected sha256) and -EFBIG (larger than max_bytes), where it is emptied.
 * -EINVAL no http(s) URL, or a redirect to a weaker scheme or in circles; -EREMOTEIO an answer with another status;
 * -ENOSPC and other errors of the file; -ECANCELED; -ENOMEM; -EIO all that kept the rest from coming.
 */
int ga_download(const struct ga_download *download, struct ga_downloaded *ret);

#ifdef __cplusplus
}
#endif

#endif
