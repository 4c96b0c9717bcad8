/* program.c: is this file a program for this machine? */
#include "plugins/upgrade-preload/program.h"

#include <elf.h>
#include <errno.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define CHUNK ((size_t)1 << 20)
#define HEADERS_MAX 256 /* program headers that are looked through */

static const char *
platform_of(unsigned int machine)
{
    if (machine == EM_X86_64)
        return "linux/amd64";
    return machine == EM_AARCH64 ? "linux/arm64" : "";
}

static int
bad(char *why, size_t len, const char *what)
{
    (void)snprintf(why, len, "%s", what);
    return -ENOEXEC;
}

/* The path of the loader that the file asks for; what is no such path is left "". */
static void
read_loader(int fd, const Elf64_Phdr *header, struct up_elf *ret)
{
    ssize_t n;

    if (header->p_filesz == 0 || header->p_filesz >= sizeof(ret->loader))
        return;
    n = pread(fd, ret->loader, header->p_filesz, (off_t)header->p_offset);
    ret->loader[n > 0 ? n : 0] = '\0';
    for (const char *c = ret->loader; *c; c++)
        if (*c <= ' ' || *c == 0x7f)
            ret->loader[0] = '\0';
}

int
up_elf_read(int fd, struct up_elf *ret, char *why, size_t len)
{
    Elf64_Ehdr head;
    Elf64_Phdr part;
    ssize_t    n = pread(fd, &head, sizeof(head), 0);

    *ret = (struct up_elf){.platform = ""};
    if (n < 0)
        return -errno;
    if (n != (ssize_t)sizeof(head) || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0)
        return bad(why, len, "is no ELF program");
    if (head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_ident[EI_DATA] != ELFDATA2LSB)
        return bad(why, len, "is no 64-bit little-endian ELF program");
    if (head.e_type != ET_EXEC && head.e_type != ET_DYN)
        return bad(why, len, "is ELF, but no program");
    if (head.e_phnum == 0 || head.e_phnum > HEADERS_MAX || head.e_phentsize != sizeof(part))
        return bad(why, len, "has a broken ELF head");
    ret->platform = platform_of(head.e_machine);
    for (unsigned int i = 0; i < head.e_phnum; i++) {
        if (pread(fd, &part, sizeof(part), (off_t)(head.e_phoff + i * sizeof(part))) != (ssize_t)sizeof(part))
            return bad(why, len, "is cut off within its ELF head");
        if (part.p_type == PT_INTERP)
            read_loader(fd, &part, ret);
    }
    return 0;
}

static int
is_cancelled(int cancel_fd)
{
    struct pollfd ready = {.fd = cancel_fd, .events = POLLIN};

    return cancel_fd > 0 && poll(&ready, 1, 0) > 0;
}

/* Feeds the hash to the end of the file. */
static int
feed(int fd, int cancel_fd, EVP_MD_CTX *hash, char *chunk)
{
    for (off_t at = 0;;) {
        ssize_t n = pread(fd, chunk, CHUNK, at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        if (is_cancelled(cancel_fd))
            return -ECANCELED;
        if (EVP_DigestUpdate(hash, chunk, (size_t)n) != 1)
            return -ENOMEM;
        at += n;
    }
}

int
up_hash(int fd, int cancel_fd, char sha256[UP_SHA256])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int  n = 0;
    EVP_MD_CTX   *hash = EVP_MD_CTX_new();
    char         *chunk = malloc(CHUNK);
    int           r = hash && chunk && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1 ? 0 : -ENOMEM;

    if (r == 0)
        r = feed(fd, cancel_fd, hash, chunk);
    if (r == 0 && (EVP_DigestFinal_ex(hash, digest, &n) != 1 || n != (UP_SHA256 - 1) / 2))
        r = -ENOMEM;
    sha256[0] = '\0';
    for (unsigned int i = 0; r == 0 && i < n; i++)
        (void)snprintf(sha256 + 2 * i, 3, "%02x", digest[i]);
    EVP_MD_CTX_free(hash);
    free(chunk);
    return r;
}
