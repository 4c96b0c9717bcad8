/* Addresses: BIP-173's own vectors, the chain's, and all that is none. */
#include "kit/bech32.h"

#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#define ACCOUNT "gonka1y2a9p56kv044327uycmqdexl7zs82fs5ryv5le"
#define OPERATOR "gonkavaloper1y2a9p56kv044327uycmqdexl7zs82fs5lyang5"
#define CONSENSUS "gonkavalcons1zw0vk557mv9umazutq75mshae90kdv0g0q0s9t"
#define CONSENSUS_HEX "139ECB529EDB0BCDF45C583D4DC2FDC95F66B1E8"
#define KEY "OPwcpfQYOoWDuHKYivRVq5jxrELH0moP5qdznvj3Dps="

static char why[256];

static int
decode(const char *text, char *prefix, uint8_t *data, size_t *len)
{
    why[0] = '\0';
    return ga_bech32_decode(text, prefix, data, GA_BECH32_DATA_MAX, len, why, sizeof(why));
}

/* BIP-173's valid strings of whole bytes (those of an odd number of groups are not data here). */
static void
test_vectors_valid(void **state)
{
    static const char *const good[] = {
        "A12UEL5L", "a12uel5l",
        "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
        "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w", "?1ezyfcl"};
    char    prefix[GA_BECH32_PREFIX_MAX];
    char    again[GA_BECH32_MAX];
    uint8_t data[GA_BECH32_DATA_MAX];
    size_t  len;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        assert_int_equal(decode(good[i], prefix, data, &len), 0);
        assert_int_equal(ga_bech32_encode(prefix, data, len, again, sizeof(again)), 0);
        assert_int_equal(strcasecmp(again, good[i]), 0);
    }
}

static void
test_vectors_invalid(void **state)
{
    static const struct {
        const char *text;
        const char *named;
    } bad[] = {
        {"\x20"
         "1nwldj5",
         "printable"},
        {"\x7f"
         "1axkwrx",
         "printable"},
        {"\x80"
         "1eym55h",
         "printable"},
        {"an84characterslonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1569pvx", "longer"},
        {"pzry9x0s0muk", "no prefix"},
        {"1pzry9x0s0muk", "no prefix"},
        {"x1b4n0q5v", "'b' does not occur"},
        {"li1dgmt3", "too short"},
        {"de1lg7wt\xff", "printable"},
        {"A1G7SGD8", "checksum"},
        {"10a06t8", "no prefix"},
        {"1qzzfhee", "no prefix"},
        {"A12uEL5L", "mixed"},
        {"", "no prefix"},
    };
    char    prefix[GA_BECH32_PREFIX_MAX];
    uint8_t data[GA_BECH32_DATA_MAX];
    size_t  len;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(decode(bad[i].text, prefix, data, &len), -EINVAL);
        if (!strstr(why, bad[i].named))
            print_error("%s: %s\n", bad[i].text, why);
        assert_non_null(strstr(why, bad[i].named));
    }
}

/* Bits that fill up must be zero and fewer than five (checksums made with BIP-173's reference code). */
static void
test_padding(void **state)
{
    char    prefix[GA_BECH32_PREFIX_MAX];
    uint8_t data[GA_BECH32_DATA_MAX];
    size_t  len;

    (void)state;
    assert_int_equal(decode("abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", prefix, data, &len), 0);
    assert_int_equal(len, 20);
    assert_int_equal(decode("gonka1pyvke6xp", prefix, data, &len), 0);
    assert_int_equal(len, 1);
    assert_int_equal(decode("gonka1pp720f5f", prefix, data, &len), -EINVAL);
    assert_non_null(strstr(why, "no whole bytes"));
    assert_int_equal(decode("gonka1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqc55ks7", prefix, data, &len), -EINVAL);
    assert_non_null(strstr(why, "no whole bytes"));
}

static void
test_every_length(void **state)
{
    uint8_t data[GA_BECH32_DATA_MAX];
    uint8_t back[GA_BECH32_DATA_MAX];
    char    text[GA_BECH32_MAX];
    char    prefix[GA_BECH32_PREFIX_MAX];
    size_t  len;

    (void)state;
    for (size_t n = 0; n <= GA_BECH32_DATA_MAX; n++) {
        for (size_t i = 0; i < n; i++)
            data[i] = (uint8_t)(i * 37 + n * 11 + 200);
        assert_int_equal(ga_bech32_encode("ab", data, n, text, sizeof(text)), 0);
        assert_int_equal(decode(text, prefix, back, &len), 0);
        assert_string_equal(prefix, "ab");
        assert_int_equal(len, n);
        assert_memory_equal(back, data, n);
    }
}

/* Any one character changed is noticed. */
static void
test_every_typing_error(void **state)
{
    char    prefix[GA_BECH32_PREFIX_MAX];
    uint8_t data[GA_BECH32_DATA_MAX];
    size_t  len;

    (void)state;
    for (size_t i = 0; i < strlen(ACCOUNT); i++)
        for (const char *c = "qpzry9x8gf2tvdw0s3jn54khce6mua7l1"; *c; c++) {
            char text[] = ACCOUNT;

            if (text[i] == *c)
                continue;
            text[i] = *c;
            assert_int_equal(decode(text, prefix, data, &len), -EINVAL);
        }
}

static void
test_encode_refuses(void **state)
{
    uint8_t data[GA_BECH32_DATA_MAX + 1] = {0};
    char    text[GA_BECH32_MAX];
    char    prefix[90];

    (void)state;
    assert_int_equal(ga_bech32_encode("", data, 20, text, sizeof(text)), -EINVAL);
    assert_int_equal(ga_bech32_encode("Gonka", data, 20, text, sizeof(text)), -EINVAL);
    assert_int_equal(ga_bech32_encode("a b", data, 20, text, sizeof(text)), -EINVAL);
    assert_int_equal(ga_bech32_encode("a", data, GA_BECH32_DATA_MAX + 1, text, sizeof(text)), -EINVAL);
    memset(prefix, 'a', sizeof(prefix));
    prefix[84] = '\0';
    assert_int_equal(ga_bech32_encode(prefix, data, 0, text, sizeof(text)), -EINVAL);
    prefix[83] = '\0';
    assert_int_equal(ga_bech32_encode(prefix, data, 0, text, sizeof(text)), 0);
    assert_int_equal(ga_bech32_encode("gonka", data, 20, text, 44), -ENOSPC);
    assert_int_equal(ga_bech32_encode("gonka", data, 20, text, 45), 0);
}

static void
test_decode_too_many_bytes(void **state)
{
    char    prefix[GA_BECH32_PREFIX_MAX];
    uint8_t data[19];
    size_t  len;

    (void)state;
    assert_int_equal(ga_bech32_decode(ACCOUNT, prefix, data, sizeof(data), &len, why, sizeof(why)), -EINVAL);
    assert_non_null(strstr(why, "more than 19 bytes"));
}

/* --- the chain's ---------------------------------------------------------------------------------------------------
 */

static void
expect_bad(const char *text, const char *prefix, const char *named)
{
    assert_int_equal(ga_address_check(text, prefix, why, sizeof(why)), -EINVAL);
    if (!strstr(why, named))
        print_error("%s\n", why);
    assert_non_null(strstr(why, named));
}

static void
test_check(void **state)
{
    char    text[GA_BECH32_MAX];
    uint8_t data[32] = {1};

    (void)state;
    assert_int_equal(ga_address_check(ACCOUNT, GA_PREFIX_ACCOUNT, why, sizeof(why)), 0);
    assert_int_equal(ga_address_check(OPERATOR, GA_PREFIX_OPERATOR, why, sizeof(why)), 0);
    expect_bad(OPERATOR, GA_PREFIX_ACCOUNT, "is a validator operator (prefix gonkavaloper), not an account");
    expect_bad(CONSENSUS, GA_PREFIX_OPERATOR, "give the one that begins with gonkavaloper1");
    expect_bad("A12UEL5L", GA_PREFIX_ACCOUNT, "something else");
    expect_bad("gonka1y2a9", GA_PREFIX_ACCOUNT, "too short");
    assert_int_equal(ga_bech32_encode(GA_PREFIX_ACCOUNT, data, 32, text, sizeof(text)), 0);
    assert_int_equal(ga_address_check(text, GA_PREFIX_ACCOUNT, why, sizeof(why)), 0); /* a module's */
    assert_int_equal(ga_bech32_encode(GA_PREFIX_ACCOUNT, data, 21, text, sizeof(text)), 0);
    expect_bad(text, GA_PREFIX_ACCOUNT, "21 bytes");
    for (char *at = text; *at; at++)
        *at = (char)toupper((unsigned char)*at);
    expect_bad(text, GA_PREFIX_ACCOUNT, "upper case");
}

static void
test_convert(void **state)
{
    char text[GA_BECH32_MAX];

    (void)state;
    assert_int_equal(ga_address_convert(ACCOUNT, GA_PREFIX_OPERATOR, text, sizeof(text), why, sizeof(why)), 0);
    assert_string_equal(text, OPERATOR);
    assert_int_equal(ga_address_convert(OPERATOR, GA_PREFIX_ACCOUNT, text, sizeof(text), why, sizeof(why)), 0);
    assert_string_equal(text, ACCOUNT);
    assert_int_equal(ga_address_convert(ACCOUNT, GA_PREFIX_ACCOUNT, text, sizeof(text), why, sizeof(why)), 0);
    assert_string_equal(text, ACCOUNT);
    assert_int_equal(ga_address_convert(ACCOUNT, GA_PREFIX_ACCOUNT, text, 44, why, sizeof(why)), -ENOSPC);
}

static void
test_convert_refuses(void **state)
{
    char    text[GA_BECH32_MAX];
    char    module[GA_BECH32_MAX];
    uint8_t data[32] = {1};

    (void)state;
    assert_int_equal(ga_address_convert(CONSENSUS, GA_PREFIX_ACCOUNT, text, sizeof(text), why, sizeof(why)), -EINVAL);
    assert_non_null(strstr(why, "is a consensus address"));
    assert_int_equal(ga_address_convert(ACCOUNT, GA_PREFIX_CONSENSUS, text, sizeof(text), why, sizeof(why)), -EINVAL);
    assert_non_null(strstr(why, "no form with the prefix 'gonkavalcons'"));
    assert_int_equal(ga_bech32_encode(GA_PREFIX_ACCOUNT, data, 32, module, sizeof(module)), 0);
    assert_int_equal(ga_address_convert(module, GA_PREFIX_OPERATOR, text, sizeof(text), why, sizeof(why)), -EINVAL);
    assert_non_null(strstr(why, "32 bytes"));
}

/* The three keys of the network's notes. */
static void
test_consensus_of_key(void **state)
{
    static const char *const keys[][3] = {
        {KEY, CONSENSUS_HEX, CONSENSUS},
        {"YHtcky8VaH0qQNhYJkN61RPf83oKWsCPXdaewvDEYLo=", "DC5C5FF1D8FEF209750C860793127AA70A2D2131",
         "gonkavalcons1m3w9luwclmeqjagvscrexyn65u9z6gf33npngf"},
        {"ljvRT9VScsxQKKX4S91yJRNppbz691ceD4sBYBRrAys=", "BBDEDC12E4830D2086263415BE3FB4BF43C505A5",
         "gonkavalcons1h00dcyhysvxjpp3xxs2mu0a5hapu2pd9jnnzde"},
    };
    char text[GA_BECH32_MAX];
    char hex[41];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ga_consensus_of_base64(keys[i][0], text, sizeof(text), hex, sizeof(hex), why, sizeof(why)), 0);
        assert_string_equal(hex, keys[i][1]);
        assert_string_equal(text, keys[i][2]);
    }
    assert_int_equal(ga_consensus_of_base64(KEY, NULL, 0, hex, sizeof(hex), why, sizeof(why)), 0);
    assert_int_equal(ga_consensus_of_base64(KEY, text, sizeof(text), NULL, 0, why, sizeof(why)), 0);
    assert_int_equal(ga_consensus_of_base64(KEY, text, sizeof(text), hex, 40, why, sizeof(why)), -ENOSPC);
}

static void
test_consensus_of_bad_key(void **state)
{
    static const char *const bad[] = {
        "",
        "OPwcpfQYOoWDuHKYivRVq5jxrELH0moP5qdznvj3Dps",      /* no padding */
        "OPwcpfQYOoWDuHKYivRVq5jxrELH0moP5qdznvj3Dpt=",     /* bits that fill up are not zero */
        "OPwcpfQYOoWDuHKYivRVq5jxrELH0moP5qdznvj3Dp==",     /* 31 bytes */
        "OPwcpfQYOoWDuHKYivRVq5jxrELH0moP5qdznvj3DpsA",     /* 33 */
        "OPwcpfQYOoWDuHKYivRVq5jxrELH0moP5qdznvj3Dps=AAAA", /* more */
        "OPwcpfQYOoWDuHKYivRVq5jxrELH0moP5qdznvj3D-s=",     /* another alphabet */
    };
    char text[GA_BECH32_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(ga_consensus_of_base64(bad[i], text, sizeof(text), NULL, 0, why, sizeof(why)), -EINVAL);
        assert_non_null(strstr(why, "no ed25519 public key"));
    }
}

static void
test_consensus_hex(void **state)
{
    char text[GA_BECH32_MAX];

    (void)state;
    assert_int_equal(ga_consensus_of_hex(CONSENSUS_HEX, text, sizeof(text), why, sizeof(why)), 0);
    assert_string_equal(text, CONSENSUS);
    assert_int_equal(
        ga_consensus_of_hex("139ecb529edb0bcdf45c583d4dc2fdc95f66b1e8", text, sizeof(text), why, sizeof(why)), 0);
    assert_string_equal(text, CONSENSUS);
    assert_int_equal(ga_consensus_to_hex(CONSENSUS, text, sizeof(text), why, sizeof(why)), 0);
    assert_string_equal(text, CONSENSUS_HEX);
    assert_int_equal(ga_consensus_to_hex(CONSENSUS, text, 40, why, sizeof(why)), -ENOSPC);
}

static void
test_consensus_hex_bad(void **state)
{
    char    text[GA_BECH32_MAX];
    char    other[GA_BECH32_MAX];
    uint8_t data[32] = {1};

    (void)state;
    assert_int_equal(ga_consensus_of_hex("139ECB", text, sizeof(text), why, sizeof(why)), -EINVAL);
    assert_int_equal(ga_consensus_of_hex(CONSENSUS_HEX "00", text, sizeof(text), why, sizeof(why)), -EINVAL);
    assert_int_equal(
        ga_consensus_of_hex("G39ECB529EDB0BCDF45C583D4DC2FDC95F66B1E8", text, sizeof(text), why, sizeof(why)), -EINVAL);
    assert_non_null(strstr(why, "40 hex digits"));
    assert_int_equal(ga_consensus_to_hex(OPERATOR, text, sizeof(text), why, sizeof(why)), -EINVAL);
    assert_non_null(strstr(why, "not a consensus address"));
    assert_int_equal(ga_bech32_encode(GA_PREFIX_CONSENSUS, data, 32, other, sizeof(other)), 0);
    assert_int_equal(ga_consensus_to_hex(other, text, sizeof(text), why, sizeof(why)), -EINVAL);
    assert_non_null(strstr(why, "32 bytes"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_valid),
        cmocka_unit_test(test_vectors_invalid),
        cmocka_unit_test(test_padding),
        cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_every_typing_error),
        cmocka_unit_test(test_encode_refuses),
        cmocka_unit_test(test_decode_too_many_bytes),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_convert),
        cmocka_unit_test(test_convert_refuses),
        cmocka_unit_test(test_consensus_of_key),
        cmocka_unit_test(test_consensus_of_bad_key),
        cmocka_unit_test(test_consensus_hex),
        cmocka_unit_test(test_consensus_hex_bad),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
