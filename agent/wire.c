/* wire.c: packets between supervisor and runner. */
#include "agent/wire.h"

#include "kit/json.h"
#include "kit/text.h"

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

#define FDS_MAX 4 /* room to see (and refuse) more than the one that is allowed */

/* --- text ----------------------------------------------------------------------------------------------------------
 */

int
wire_text_valid(const char *text, size_t len)
{
    for (size_t i = 0, n; i < len; i += n) {
        n = ga_utf8_len(text + i, len - i);
        if (n == 0)
            return 0;
    }
    return 1;
}

void
wire_text_repair(char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len;) {
        size_t n = ga_utf8_len(text + i, len - i);

        if (n == 0)
            text[i] = '?';
        i += n ? n : 1;
    }
}

cJSON *
wire_parse(const char *text, size_t len)
{
    char why[128];

    return ga_json_parse(text, len, why, sizeof(why));
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
    char         *text = ga_json_print(packet);
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
