/*
 * fuzz_upgrade_info.c: any text as the info of an upgrade's plan. Decoding takes it or says why not; a checksum is none
 * or whole; what is chosen for a platform is that platform's; the URL that is asked for has no checksum in it; a bad
 * entry has words.
 *
 * Built with clang -fsanitize=fuzzer,address,undefined it searches; with FUZZ_REPLAY defined it reads the files it is
 * given.
 */
#include "kit/clean.h"
#include "kit/upgrade_info.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX (1u << 16)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
check_entry(const struct ga_upgrade_binary *entry)
{
    size_t n = strlen(entry->sha256);
    char  *plain = ga_upgrade_plain_url(entry->url);
    char   sha256[GA_UPGRADE_SHA256];

    if (!plain || !entry->platform || (n != 0 && n != GA_UPGRADE_SHA256 - 1))
        abort();
    if (strspn(entry->sha256, "0123456789abcdef") != n || (n > 0 && *entry->why))
        abort();
    if (n > 0 && (ga_upgrade_checksum(plain, sha256) != -ENOENT || strlen(plain) >= strlen(entry->url)))
        abort(); /* the checksum would be asked for */
    free(plain);
}

static void
check_binaries(const struct ga_upgrade_binaries *binaries)
{
    const struct ga_upgrade_binary *chosen = ga_upgrade_info_choose(binaries, "linux/amd64");

    if (binaries->n > GA_UPGRADE_PLATFORMS_MAX)
        abort();
    for (size_t i = 0; i < binaries->n; i++)
        check_entry(&binaries->list[i]);
    if (chosen && strcmp(chosen->platform, "linux/amd64") != 0 && strcmp(chosen->platform, "any") != 0)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ga_upgrade_info info;
    char                   why[300] = "";
    char                  *text = len <= INPUT_MAX ? strndup((const char *)data, len) : NULL;
    int                    r;

    if (!text)
        return 0;
    r = ga_upgrade_info_decode(text, &info, why, sizeof(why));
    if (r == -EBADMSG && (!*why || info.json))
        abort();
    if (r == 0 && !info.node_version)
        abort();
    check_binaries(&info.node);
    check_binaries(&info.api);
    ga_upgrade_info_free(&info);
    (void)ga_clean(text);
    free(text);
    return 0;
}

#include "tests/fuzz/replay.h"
