/*
 * wire.h: packets between supervisor and runner: one JSON object each over SOCK_SEQPACKET, with at most one descriptor.
 *
 * What is read here was written by a process that has a stranger's code in it: everything is checked, nothing is
 * believed. Documents are parsed as kit/json.h does it, so a payload goes through unchanged; fields of the protocol
 * itself carry 64-bit values as strings. All functions are free of shared state: any thread.
 */
#ifndef AGENT_WIRE_H
#define AGENT_WIRE_H

#include <cjson/cJSON.h>
#include <stddef.h>

#define WIRE_MAX 65536 /* bytes in one packet */

/*
 * Sends one packet, with a copy of pass_fd unless that is -1 (it stays the caller's). Blocks when the socket does.
 * 0; -EAGAIN full (non-blocking socket); -ECONNRESET the other side is gone; -EMSGSIZE more than WIRE_MAX; -ENOMEM; or
 * another -errno. Never raises SIGPIPE.
 */
int wire_send(int fd, const cJSON *packet, int pass_fd);

/*
 * Receives one packet, given to the caller. A descriptor that came with it is stored in *ret_fd (close-on-exec, the
 * caller's; -1 when none came); with ret_fd NULL it is closed.
 * 0; -EAGAIN nothing there (non-blocking socket); -ECONNRESET the other side is gone; -EBADMSG what came is no packet:
 * too long, not one JSON object, not UTF-8, or more than one descriptor; -ENOMEM; or another -errno.
 */
int wire_recv(int fd, cJSON **ret, int *ret_fd);

/* Parses one document as ga_json_parse() does; NULL when it is none. The caller frees it with cJSON_Delete(). */
cJSON *wire_parse(const char *text, size_t len);

/* 1 when the bytes are UTF-8 (RFC 3629: no surrogates, nothing overlong), else 0. */
int wire_text_valid(const char *text, size_t len);

/* Turns every byte that is not part of valid UTF-8 into '?', in place. */
void wire_text_repair(char *text);

/*
 * A file in memory. With data: holds it, sealed against any change. Without (NULL): empty and writable. Close-on-exec;
 * it cannot be made executable where the kernel can forbid that. Its descriptor, or -errno.
 */
int memfd_from(const char *name, const void *data, size_t len);

/*
 * Reads a file from its first byte (a pipe: from where it is) to its end; the offset of a file is left alone. *ret is
 * the caller's to free and is followed by a NUL that is not counted. 0; -EFBIG more than cap bytes; -ENOMEM; or -errno.
 */
int fd_read_all(int fd, size_t cap, char **ret, size_t *ret_len);

#endif
