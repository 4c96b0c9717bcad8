/* wire.c: packets between supervisor and runner. */
#include "agent/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif

#define EXACT_DIGITS 15  /* integers of so many digits survive a double, and cJSON prints them plainly */
#define KEPT_MARK '\xff' /* begins a string that was a long integer: cannot occur, the text was checked to be UTF-8 */
#define FDS_MAX 4        /* room to see (and refuse) more than the one that is allowed */

/* --- text ----------------------------------------------------------------------------------------------------------
 */

/* Length of the UTF-8 sequence at `text`, 0 when there is none. */
static size_t
sequence_len(const unsigned char *text, size_t len)
{
    unsigned char first = text[0];
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    size_t        n;

    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    n = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (n > len)
        return 0;
    if (first == 0xe0)
        low = 0xa0; /* overlong below */
    else if (first == 0xf0)
        low = 0x90;
    else if (first == 0xed)
        high = 0x9f; /* surrogates above */
    else if (first == 0xf4)
        high = 0x8f; /* beyond U+10FFFF above */
    if (text[1] < low || text[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

int
wire_text_valid(const char *text, size_t len)
{
    const unsigned char *at = (const unsigned char *)text;

    for (size_t i = 0, n; i < len; i += n) {
        n = sequence_len(at + i, len - i);
        if (n == 0)
            return 0;
    }
    return 1;
}

void
wire_text_repair(char *text)
{
    unsigned char *at = (unsigned char *)text;
    size_t         len = strlen(text);

    for (size_t i = 0; i < len;) {
        size_t n = sequence_len(at + i, len - i);

        if (n == 0)
            at[i] = '?';
        i += n ? n : 1;
    }
}

/* --- JSON ----------------------------------------------------------------------------------------------------------
 */

static int
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Length of a JSON integer at `text` that a double would spoil; 0: none, or one that it would not. */
static size_t
long_integer_len(const char *text, size_t len)
{
    size_t at = text[0] == '-';
    size_t digits = 0;

    if (at < len && text[at] == '0')
        return 0; /* 0, or something that cJSON is to refuse or to round */
    while (at + digits < len && is_digit(text[at + digits]))
        digits++;
    at += digits;
    if (digits <= EXACT_DIGITS || (at < len && (text[at] == '.' || text[at] == 'e' || text[at] == 'E')))
        return 0;
    return at;
}

/* End of the string whose opening quote is at `i`: the place behind its closing quote, or len. */
static size_t
string_end(const char *text, size_t len, size_t i)
{
    for (i++; i < len && text[i] != '"'; i++)
        if (text[i] == '\\')
            i++;
    return i < len ? i + 1 : len;
}

/*
 * One pass over the text: writes a copy in which long integers are marked strings, and measures how deep it goes. The
 * copy grows by three bytes for at least sixteen. NULL: no memory, or too deep.
 */
static char *
mark_integers(const char *text, size_t len)
{
    char  *copy = malloc(len + len / 4 + 4);
    size_t depth = 0;
    size_t n = 0;

    if (!copy)
        return NULL;
    for (size_t i = 0; i < len;) {
        size_t next = i + 1;

        if (text[i] == '"') {
            next = string_end(text, len, i);
        } else if (text[i] == '{' || text[i] == '[') {
            if (++depth > WIRE_DEPTH_MAX)
                goto fail;
        } else if ((text[i] == '}' || text[i] == ']') && depth > 0) {
            depth--;
        } else if (text[i] == '-' || is_digit(text[i])) {
            size_t digits = long_integer_len(text + i, len - i);

            if (digits) {
                copy[n++] = '"';
                copy[n++] = KEPT_MARK;
                memcpy(copy + n, text + i, digits);
                n += digits;
                copy[n++] = '"';
                i += digits;
                continue;
            }
            while (next < len && (is_digit(text[next]) || strchr("+-.eE", text[next])))
                next++;
        }
        memcpy(copy + n, text + i, next - i);
        n += next - i;
        i = next;
    }
    copy[n] = '\0';
    return copy;
fail:
    free(copy);
    return NULL;
}

/* Marked strings become raw nodes. Depth is bounded by WIRE_DEPTH_MAX. */
static void
unmark_integers(cJSON *node)
{
    for (; node; node = node->next) {
        if (cJSON_IsString(node) && node->valuestring && node->valuestring[0] == KEPT_MARK) {
            memmove(node->valuestring, node->valuestring + 1, strlen(node->valuestring));
            node->type = cJSON_Raw | (node->type & ~0xff);
        }
        unmark_integers(node->child);
    }
}

/* A marked integer as a key is what was no JSON before: {12345678901234567: 1}. */
static int
has_marked_key(const cJSON *node)
{
    for (; node; node = node->next)
        if ((node->string && node->string[0] == KEPT_MARK) || has_marked_key(node->child))
            return 1;
    return 0;
}

cJSON *
wire_parse(const char *text, size_t len)
{
    cJSON *doc;
    char  *copy;

    if (memchr(text, '\0', len) || !wire_text_valid(text, len))
        return NULL;
    copy = mark_integers(text, len);
    if (!copy)
        return NULL;
    doc = cJSON_ParseWithOpts(copy, NULL, 1);
    free(copy);
    if (doc && has_marked_key(doc)) {
        cJSON_Delete(doc);
        return NULL;
    }
    unmark_integers(doc);
    return doc;
}

/* --- packets -------------------------------------------------------------------------------------------------------
 */

int
wire_send(int fd, const cJSON *packet, int pass_fd)
{
    union {
        struct cmsghdr align;
        char           bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    char         *text = cJSON_PrintUnformatted(packet);
    struct iovec  iov = {.iov_base = text, .iov_len = text ? strlen(text) : 0};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t       n;
    int           r = 0;

    if (!text)
        return -ENOMEM;
    if (iov.iov_len > WIRE_MAX) {
        free(text);
        return -EMSGSIZE;
    }
    if (pass_fd >= 0) {
        struct cmsghdr *cmsg;

        msg.msg_control = control.bytes;
        msg.msg_controllen = sizeof(control.bytes);
        cmsg = CMSG_FIRSTHDR(&msg);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(cmsg), &pass_fd, sizeof(int));
    }
    do
        n = sendmsg(fd, &msg, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        r = errno == EPIPE || errno == ENOTCONN ? -ECONNRESET : -errno;
    free(text);
    return r;
}

/* Takes the descriptors out of a message. The one that is allowed, -1 when there is none; -EBADMSG: more than one. */
static int
take_fd(struct msghdr *msg)
{
    int kept = -1;
    int n = 0;

    for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
        size_t len = cmsg->cmsg_len - CMSG_LEN(0);

        if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i + sizeof(int) <= len; i += sizeof(int), n++) {
            int fd;

            memcpy(&fd, CMSG_DATA(cmsg) + i, sizeof(fd));
            if (n == 0)
                kept = fd;
            else
                (void)close(fd);
        }
    }
    if (n <= 1 && !(msg->msg_flags & MSG_CTRUNC))
        return kept;
    if (kept >= 0)
        (void)close(kept);
    return -EBADMSG;
}

/* Nothing was read: the end, or a packet of no bytes, which is none of ours? */
static int
end_or_empty(int fd)
{
    struct pollfd look = {.fd = fd, .events = POLLRDHUP};

    return poll(&look, 1, 0) == 1 && (look.revents & (POLLRDHUP | POLLHUP)) ? -ECONNRESET : -EBADMSG;
}

static int
parse_packet(const char *text, size_t len, cJSON **ret)
{
    cJSON *packet = wire_parse(text, len);

    if (!cJSON_IsObject(packet)) {
        cJSON_Delete(packet);
        return -EBADMSG;
    }
    *ret = packet;
    return 0;
}

int
wire_recv(int fd, cJSON **ret, int *ret_fd)
{
    union {
        struct cmsghdr align;
        char           bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
    } control;
    char         *text = malloc(WIRE_MAX);
    struct iovec  iov = {.iov_base = text, .iov_len = WIRE_MAX};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)};
    ssize_t n;
    int     passed = -1;
    int     r;

    if (ret_fd)
        *ret_fd = -1;
    if (!text)
        return -ENOMEM;
    do
        n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        r = errno == EPIPE || errno == ENOTCONN ? -ECONNRESET : -errno;
        goto out;
    }
    passed = take_fd(&msg);
    if (passed == -EBADMSG || (msg.msg_flags & MSG_TRUNC))
        r = -EBADMSG;
    else if (n == 0)
        r = end_or_empty(fd);
    else
        r = parse_packet(text, (size_t)n, ret);
    if (r == 0 && ret_fd)
        *ret_fd = passed;
    else if (passed >= 0)
        (void)close(passed);
out:
    free(text);
    return r;
}

/* --- files in memory -----------------------------------------------------------------------------------------------
 */

static int
write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

int
memfd_from(const char *name, const void *data, size_t len)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_NOEXEC_SEAL);
    int r;

    if (fd < 0 && errno == EINVAL)
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    if (!data)
        return fd;
    r = write_all(fd, data, len);
    if (r == 0 && (lseek(fd, 0, SEEK_SET) < 0 ||
                   fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0))
        r = -errno;
    if (r == 0)
        return fd;
    (void)close(fd);
    return r;
}

/* Reads on from `at`; a pipe has no places. */
static ssize_t
read_some(int fd, char *buf, size_t len, size_t at)
{
    ssize_t n;

    do {
        n = pread(fd, buf, len, (off_t)at);
        if (n < 0 && errno == ESPIPE)
            n = read(fd, buf, len);
    } while (n < 0 && errno == EINTR);
    return n;
}

int
fd_read_all(int fd, size_t cap, char **ret, size_t *ret_len)
{
    struct stat st;
    size_t      room = 4096;
    size_t      len = 0;
    char       *buf;
    int         r = 0;

    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        if (st.st_size > 0 && (uint64_t)st.st_size > cap)
            return -EFBIG;
        room = (size_t)st.st_size;
    }
    buf = malloc(room + 2);
    for (;;) {
        ssize_t n;

        if (!buf)
            return -ENOMEM;
        n = read_some(fd, buf + len, room + 1 - len, len); /* one more than expected shows that it grew */
        if (n < 0)
            r = -errno;
        else
            len += (size_t)n;
        if (len > cap)
            r = -EFBIG;
        if (n <= 0 || r < 0)
            break;
        if (len > room) {
            char *more = realloc(buf, 2 * len + 2);

            if (!more)
                free(buf);
            buf = more;
            room = 2 * len;
        }
    }
    if (r < 0) {
        free(buf);
        return r;
    }
    buf[len] = '\0';
    *ret = buf;
    *ret_len = len;
    return 0;
}
