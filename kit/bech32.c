/* bech32.c: addresses of the chain, always checked. */
#include "kit/bech32.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CHECKSUM_LEN 6
#define TEXT_MAX (GA_BECH32_MAX - 1)
#define LONG_ADDRESS_LEN 32
#define SHA256_LEN 32

static const char charset[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

__attribute__((format(printf, 3, 4))) static int
wrong(char *reterr, size_t reterr_len, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(reterr, reterr_len, format, args);
    va_end(args);
    return -EINVAL;
}

/* --- checksum ------------------------------------------------------------------------------------------------------
 */

static uint32_t
checksum_step(uint32_t sum, unsigned value)
{
    static const uint32_t generator[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
    uint32_t              top = sum >> 25;

    sum = (sum & 0x1ffffff) << 5 ^ value;
    for (int i = 0; i < 5; i++)
        if (top >> i & 1)
            sum ^= generator[i];
    return sum;
}

static uint32_t
checksum_of_prefix(const char *prefix, size_t len)
{
    uint32_t sum = 1;

    for (size_t i = 0; i < len; i++)
        sum = checksum_step(sum, (unsigned char)prefix[i] >> 5);
    sum = checksum_step(sum, 0);
    for (size_t i = 0; i < len; i++)
        sum = checksum_step(sum, (unsigned char)prefix[i] & 31);
    return sum;
}

/* --- bytes and groups of five bits ---------------------------------------------------------------------------------
 */

/* Writes the groups, the last filled up with zeros. Returns how many. */
static size_t
to_groups(const uint8_t *data, size_t len, uint8_t *groups)
{
    uint32_t held = 0;
    int      bits = 0;
    size_t   n = 0;

    for (size_t i = 0; i < len; i++) {
        held = (held << 8 | data[i]) & 0xfff;
        for (bits += 8; bits >= 5; bits -= 5)
            groups[n++] = held >> (bits - 5) & 31;
    }
    if (bits > 0)
        groups[n++] = (uint8_t)(held << (5 - bits) & 31);
    return n;
}

/* Back again. -EINVAL: a whole group too many, or what fills up is not zero; -ENOSPC. */
static int
to_bytes(const uint8_t *groups, size_t n, uint8_t *data, size_t size, size_t *ret_len)
{
    uint32_t held = 0;
    int      bits = 0;

    *ret_len = 0;
    for (size_t i = 0; i < n; i++) {
        held = (held << 5 | groups[i]) & 0xfff;
        bits += 5;
        if (bits < 8)
            continue;
        if (*ret_len == size)
            return -ENOSPC;
        bits -= 8;
        data[(*ret_len)++] = (uint8_t)(held >> bits);
    }
    return bits >= 5 || (held & ((1u << bits) - 1)) != 0 ? -EINVAL : 0;
}

/* --- text ----------------------------------------------------------------------------------------------------------
 */

static int
prefix_is_fine(const char *prefix)
{
    for (const char *at = prefix; *at; at++)
        if (*at < '!' || *at > '~' || isupper((unsigned char)*at))
            return 0;
    return *prefix != '\0';
}

int
ga_bech32_encode(const char *prefix, const uint8_t *data, size_t len, char *buf, size_t buf_len)
{
    uint8_t  groups[TEXT_MAX];
    char     text[GA_BECH32_MAX];
    size_t   prefix_len = strlen(prefix);
    size_t   n = (len * 8 + 4) / 5;
    uint32_t sum;
    char    *at;

    if (!prefix_is_fine(prefix) || len > GA_BECH32_DATA_MAX || prefix_len + 1 + n + CHECKSUM_LEN > TEXT_MAX)
        return -EINVAL;
    if (buf_len <= prefix_len + 1 + n + CHECKSUM_LEN)
        return -ENOSPC;
    (void)to_groups(data, len, groups);
    sum = checksum_of_prefix(prefix, prefix_len);
    memcpy(text, prefix, prefix_len);
    at = text + prefix_len;
    *at++ = '1';
    for (size_t i = 0; i < n; i++) {
        sum = checksum_step(sum, groups[i]);
        *at++ = charset[groups[i]];
    }
    for (int i = 0; i < CHECKSUM_LEN; i++)
        sum = checksum_step(sum, 0);
    sum ^= 1;
    for (int i = 0; i < CHECKSUM_LEN; i++)
        *at++ = charset[sum >> 5 * (CHECKSUM_LEN - 1 - i) & 31];
    *at = '\0';
    (void)snprintf(buf, buf_len, "%s", text);
    return 0;
}

/* A lower-case copy, and where its last "1" stands. */
static int
read_text(const char *text, char *lower, const char **ret_one, char *reterr, size_t reterr_len)
{
    size_t len = strnlen(text, TEXT_MAX + 1);
    int    small = 0;
    int    big = 0;

    if (len > TEXT_MAX)
        return wrong(reterr, reterr_len, "'%.40s...' is no address: longer than %d characters", text, TEXT_MAX);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c < '!' || c > '~')
            return wrong(reterr, reterr_len, "an address has a character that is not printable ASCII at place %zu",
                         i + 1);
        small |= islower(c) != 0;
        big |= isupper(c) != 0;
        lower[i] = (char)tolower(c);
    }
    lower[len] = '\0';
    if (small && big)
        return wrong(reterr, reterr_len, "'%s' is no address: upper and lower case are mixed", text);
    *ret_one = strrchr(lower, '1');
    if (!*ret_one || *ret_one == lower)
        return wrong(reterr, reterr_len, "'%s' is no address: no prefix followed by '1' (as in gonka1...)", text);
    if (strlen(*ret_one + 1) < CHECKSUM_LEN)
        return wrong(reterr, reterr_len, "'%s' is no address: too short, a part of it is missing", text);
    return 0;
}

int
ga_bech32_decode(const char *text, char ret_prefix[GA_BECH32_PREFIX_MAX], uint8_t *data, size_t size, size_t *ret_len,
                 char *reterr, size_t reterr_len)
{
    char        lower[GA_BECH32_MAX];
    uint8_t     groups[TEXT_MAX];
    size_t      n = 0;
    uint32_t    sum;
    const char *one = lower;
    int         r = read_text(text, lower, &one, reterr, reterr_len);

    if (r < 0)
        return r;
    sum = checksum_of_prefix(lower, (size_t)(one - lower));
    for (const char *at = one + 1; *at; at++) {
        const char *place = strchr(charset, *at);

        if (!place)
            return wrong(reterr, reterr_len, "'%s' is no address: '%c' does not occur in one", text, *at);
        groups[n] = (uint8_t)(place - charset);
        sum = checksum_step(sum, groups[n++]);
    }
    if (sum != 1)
        return wrong(reterr, reterr_len, "'%s' is no address: its checksum is wrong (mistyped or cut off?)", text);
    r = to_bytes(groups, n - CHECKSUM_LEN, data, size, ret_len);
    if (r == -EINVAL)
        return wrong(reterr, reterr_len, "'%s' is no address: its bits are no whole bytes", text);
    if (r == -ENOSPC)
        return wrong(reterr, reterr_len, "'%s' is no address: it holds more than %zu bytes", text, size);
    (void)snprintf(ret_prefix, GA_BECH32_PREFIX_MAX, "%.*s", (int)(one - lower), lower);
    return 0;
}

/* --- addresses -----------------------------------------------------------------------------------------------------
 */

/* What a prefix stands for, to say what was given instead. */
static const char *
kind_of_prefix(const char *prefix)
{
    if (strcmp(prefix, GA_PREFIX_ACCOUNT) == 0)
        return "an account";
    if (strcmp(prefix, GA_PREFIX_OPERATOR) == 0)
        return "a validator operator";
    if (strcmp(prefix, GA_PREFIX_CONSENSUS) == 0)
        return "a consensus address";
    return "something else";
}

static int
decode_with_prefix(const char *text, const char *expected, uint8_t data[LONG_ADDRESS_LEN], size_t *ret_len,
                   char *reterr, size_t reterr_len)
{
    char prefix[GA_BECH32_PREFIX_MAX];
    int  r = ga_bech32_decode(text, prefix, data, LONG_ADDRESS_LEN, ret_len, reterr, reterr_len);

    if (r < 0)
        return r;
    if (strcmp(prefix, expected) != 0)
        return wrong(reterr, reterr_len, "'%s' is %s (prefix %s), not %s: give the one that begins with %s1", text,
                     kind_of_prefix(prefix), prefix, kind_of_prefix(expected), expected);
    if (isupper((unsigned char)*text))
        return wrong(reterr, reterr_len, "'%s' is in upper case: write it in lower case, as the chain does", text);
    return 0;
}

int
ga_address_check(const char *text, const char *prefix, char *reterr, size_t reterr_len)
{
    uint8_t data[LONG_ADDRESS_LEN];
    size_t  len;
    int     r = decode_with_prefix(text, prefix, data, &len, reterr, reterr_len);

    if (r == 0 && len != GA_ADDRESS_LEN && len != LONG_ADDRESS_LEN)
        return wrong(reterr, reterr_len, "'%s' is no address: it holds %zu bytes, not %d or %d", text, len,
                     GA_ADDRESS_LEN, LONG_ADDRESS_LEN);
    return r;
}

int
ga_address_convert(const char *text, const char *to_prefix, char *buf, size_t buf_len, char *reterr, size_t reterr_len)
{
    uint8_t     data[LONG_ADDRESS_LEN];
    const char *from =
        strncmp(text, GA_PREFIX_OPERATOR "1", sizeof(GA_PREFIX_OPERATOR)) == 0 ? GA_PREFIX_OPERATOR : GA_PREFIX_ACCOUNT;
    size_t len;
    int    r;

    if (strcmp(to_prefix, GA_PREFIX_ACCOUNT) != 0 && strcmp(to_prefix, GA_PREFIX_OPERATOR) != 0)
        return wrong(reterr, reterr_len, "an account has no form with the prefix '%s', only %s and %s", to_prefix,
                     GA_PREFIX_ACCOUNT, GA_PREFIX_OPERATOR);
    r = decode_with_prefix(text, from, data, &len, reterr, reterr_len);
    if (r < 0)
        return r;
    if (len != GA_ADDRESS_LEN)
        return wrong(reterr, reterr_len, "'%s' holds %zu bytes: only an account of %d bytes can be an operator", text,
                     len, GA_ADDRESS_LEN);
    return ga_bech32_encode(to_prefix, data, len, buf, buf_len);
}

/* --- consensus addresses -------------------------------------------------------------------------------------------
 */

int
ga_consensus_address(const uint8_t key[GA_ED25519_KEY_LEN], uint8_t ret[GA_ADDRESS_LEN])
{
    uint8_t  digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    if (EVP_Digest(key, GA_ED25519_KEY_LEN, digest, &len, EVP_sha256(), NULL) != 1 || len != SHA256_LEN)
        return -EIO;
    memcpy(ret, digest, GA_ADDRESS_LEN);
    return 0;
}

static int
show_hex(const uint8_t address[GA_ADDRESS_LEN], char *buf, size_t buf_len)
{
    static const char digits[] = "0123456789ABCDEF";

    if (buf_len <= (size_t)2 * GA_ADDRESS_LEN)
        return -ENOSPC;
    for (size_t i = 0; i < GA_ADDRESS_LEN; i++) {
        buf[2 * i] = digits[address[i] >> 4];
        buf[2 * i + 1] = digits[address[i] & 15];
    }
    buf[(size_t)2 * GA_ADDRESS_LEN] = '\0';
    return 0;
}

/* The standard alphabet with its padding, one spelling for one key: what EVP_DecodeBlock() lets pass is compared. */
static int
key_of_base64(const char *text, uint8_t key[GA_ED25519_KEY_LEN])
{
    uint8_t bytes[GA_ED25519_KEY_LEN + 1]; /* the padding comes out as a byte more */
    uint8_t again[48];

    if (strnlen(text, 45) != 44 || EVP_DecodeBlock(bytes, (const uint8_t *)text, 44) != (int)sizeof(bytes))
        return -EINVAL;
    (void)EVP_EncodeBlock(again, bytes, GA_ED25519_KEY_LEN);
    if (memcmp(again, text, 44) != 0)
        return -EINVAL;
    memcpy(key, bytes, GA_ED25519_KEY_LEN);
    return 0;
}

int
ga_consensus_of_base64(const char *key, char *bech32, size_t bech32_len, char *hex, size_t hex_len, char *reterr,
                       size_t reterr_len)
{
    uint8_t bytes[GA_ED25519_KEY_LEN];
    uint8_t address[GA_ADDRESS_LEN];
    int     r;

    if (key_of_base64(key, bytes) < 0)
        return wrong(reterr, reterr_len,
                     "'%.60s' is no ed25519 public key: %d bytes in base64 are expected (44 "
                     "characters)",
                     key, GA_ED25519_KEY_LEN);
    r = ga_consensus_address(bytes, address);
    if (r == 0 && bech32)
        r = ga_bech32_encode(GA_PREFIX_CONSENSUS, address, GA_ADDRESS_LEN, bech32, bech32_len);
    if (r == 0 && hex)
        r = show_hex(address, hex, hex_len);
    return r;
}

static int
hex_value(char c)
{
    if (isdigit((unsigned char)c))
        return c - '0';
    return isxdigit((unsigned char)c) ? (c | 0x20) - 'a' + 10 : -1;
}

int
ga_consensus_of_hex(const char *hex, char *buf, size_t buf_len, char *reterr, size_t reterr_len)
{
    uint8_t address[GA_ADDRESS_LEN];
    size_t  len = strnlen(hex, (size_t)2 * GA_ADDRESS_LEN + 1);

    for (size_t i = 0; len == (size_t)2 * GA_ADDRESS_LEN && i < GA_ADDRESS_LEN; i++) {
        int high = hex_value(hex[2 * i]);
        int low = hex_value(hex[2 * i + 1]);

        if (high < 0 || low < 0)
            len = 0;
        else
            address[i] = (uint8_t)(high << 4 | low);
    }
    if (len != (size_t)2 * GA_ADDRESS_LEN)
        return wrong(reterr, reterr_len, "'%.60s' is no consensus address: %d hex digits are expected", hex,
                     2 * GA_ADDRESS_LEN);
    return ga_bech32_encode(GA_PREFIX_CONSENSUS, address, GA_ADDRESS_LEN, buf, buf_len);
}

int
ga_consensus_to_hex(const char *text, char *buf, size_t buf_len, char *reterr, size_t reterr_len)
{
    uint8_t data[LONG_ADDRESS_LEN];
    size_t  len;
    int     r = decode_with_prefix(text, GA_PREFIX_CONSENSUS, data, &len, reterr, reterr_len);

    if (r < 0)
        return r;
    if (len != GA_ADDRESS_LEN)
        return wrong(reterr, reterr_len, "'%s' is no consensus address: it holds %zu bytes, not %d", text, len,
                     GA_ADDRESS_LEN);
    return show_hex(data, buf, buf_len);
}
