/* test_seed_handshake.c: the parts of the secret connection: Merlin against its published answer, both sides of the
 * cryptography against each other, and what a node says of itself. */
#include "plugins/seed-manager/handshake.h"
#include "plugins/seed-manager/secret.h"
#include "plugins/seed-manager/transcript.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The answer that Merlin's own tests have. */
static void
a_transcript_gives_the_published_challenge(void **state)
{
    static const uint8_t want[32] = {0xd5, 0xa2, 0x19, 0x72, 0xd0, 0xd5, 0xfe, 0x32, 0x0c, 0x0d, 0x26,
                                     0x3f, 0xac, 0x7f, 0xff, 0xb8, 0x14, 0x5a, 0xa6, 0x40, 0xaf, 0x6e,
                                     0x9b, 0xca, 0x17, 0x7c, 0x03, 0xc7, 0xef, 0xcf, 0x06, 0x15};
    struct transcript    transcript;
    uint8_t              got[32];

    (void)state;
    transcript_init(&transcript, "test protocol");
    transcript_append(&transcript, "some label", "some data", 9);
    transcript_challenge(&transcript, "challenge", got, sizeof(got));
    assert_memory_equal(got, want, sizeof(want));
}

/* Messages that fill the state several times: their last byte still counts. */
static void
every_byte_of_a_long_message_counts(void **state)
{
    struct transcript a;
    struct transcript b;
    uint8_t           data[1000] = {0};
    uint8_t           from_a[32];
    uint8_t           from_b[32];

    (void)state;
    transcript_init(&a, "x");
    b = a;
    transcript_append(&a, "m", data, sizeof(data));
    data[sizeof(data) - 1] = 1;
    transcript_append(&b, "m", data, sizeof(data));
    transcript_challenge(&a, "c", from_a, sizeof(from_a));
    transcript_challenge(&b, "c", from_b, sizeof(from_b));
    assert_memory_not_equal(from_a, from_b, sizeof(from_a));
}

struct pair {
    struct secret a;
    struct secret b;
};

static void
agree(struct pair *pair)
{
    assert_int_equal(secret_init(&pair->a), 0);
    assert_int_equal(secret_init(&pair->b), 0);
    assert_int_equal(secret_agree(&pair->a, pair->b.own_public), 0);
    assert_int_equal(secret_agree(&pair->b, pair->a.own_public), 0);
}

static void
both_sides_agree_on_keys_and_challenge(void **state)
{
    struct pair pair;

    (void)state;
    for (int i = 0; i < 8; i++) { /* whichever key is the lesser one */
        agree(&pair);
        assert_memory_equal(pair.a.challenge, pair.b.challenge, SECRET_KEY);
        assert_memory_equal(pair.a.send_key, pair.b.receive_key, SECRET_KEY);
        assert_memory_equal(pair.a.receive_key, pair.b.send_key, SECRET_KEY);
        assert_memory_not_equal(pair.a.send_key, pair.a.receive_key, SECRET_KEY);
    }
}

static void
a_key_that_makes_the_secret_known_is_refused(void **state)
{
    struct secret secret;
    const uint8_t zero[SECRET_KEY] = {0};

    (void)state;
    assert_int_equal(secret_init(&secret), 0);
    assert_int_equal(secret_agree(&secret, zero), -1);
}

static void
frames_are_opened_in_order_and_only_as_they_were_sealed(void **state)
{
    struct pair pair;
    uint8_t     one[SECRET_FRAME];
    uint8_t     two[SECRET_FRAME];
    uint8_t     data[SECRET_DATA];
    size_t      len = 0;

    (void)state;
    agree(&pair);
    assert_int_equal(secret_seal(&pair.a, (const uint8_t *)"first", 5, one), 0);
    assert_int_equal(secret_seal(&pair.a, (const uint8_t *)"second", 6, two), 0);
    assert_int_equal(secret_open(&pair.b, one, data, &len), 0);
    assert_int_equal(len, 5);
    assert_memory_equal(data, "first", 5);
    assert_int_equal(secret_open(&pair.b, one, data, &len), -1);
    pair.b.received = 1;
    two[17] ^= 1;
    assert_int_equal(secret_open(&pair.b, two, data, &len), -1);
    pair.b.received = 1;
    two[17] ^= 1;
    assert_int_equal(secret_open(&pair.b, two, data, &len), 0);
    assert_int_equal(len, 6);
}

static void
a_signature_counts_for_its_connection_only(void **state)
{
    struct pair pair;
    struct pair other;
    uint8_t     key[SECRET_KEY];
    uint8_t     signature[SECRET_SIGNATURE];

    (void)state;
    agree(&pair);
    agree(&other);
    assert_int_equal(secret_sign(&pair.a, key, signature), 0);
    assert_int_equal(secret_verify(&pair.b, key, signature), 1);
    assert_int_equal(secret_verify(&other.b, key, signature), 0);
    signature[0] ^= 1;
    assert_int_equal(secret_verify(&pair.b, key, signature), 0);
}

struct info {
    const char *bytes;
    size_t      len;
    const char *network; /* NULL: refused */
};

#define INFO(text, want)                 \
    {                                    \
        (text), sizeof(text) - 1, (want) \
    }

static void
the_chain_is_found_in_what_a_node_says(void **state)
{
    static const struct info infos[] = {
        INFO("\x22\x03osm", "osm"),
        INFO("\x0a\x02\x08\x08\x12\x01x\x22\x03osm\x2a\x01v", "osm"),
        INFO("\x08\x96\x01\x22\x03osm", "osm"),
        INFO("", NULL),
        INFO("\x12\x01x", NULL),
        INFO("\x22\x00", NULL),
        INFO("\x22\x09osm", NULL),
        INFO("\x22", NULL),
        INFO("\x22\x03o\0m", NULL),
        INFO("\x25\x01\x02\x03\x04\x22\x03osm", NULL),
        INFO("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", NULL),
        INFO("\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7f", NULL),
        INFO("\x22\x40xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", NULL),
    };
    char network[64];

    (void)state;
    for (size_t i = 0; i < sizeof(infos) / sizeof(*infos); i++) {
        int r = handshake_network((const uint8_t *)infos[i].bytes, infos[i].len, network);

        assert_int_equal(r, infos[i].network ? 0 : -1);
        assert_string_equal(network, infos[i].network ? infos[i].network : "");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transcript_gives_the_published_challenge),
        cmocka_unit_test(every_byte_of_a_long_message_counts),
        cmocka_unit_test(both_sides_agree_on_keys_and_challenge),
        cmocka_unit_test(a_key_that_makes_the_secret_known_is_refused),
        cmocka_unit_test(frames_are_opened_in_order_and_only_as_they_were_sealed),
        cmocka_unit_test(a_signature_counts_for_its_connection_only),
        cmocka_unit_test(the_chain_is_found_in_what_a_node_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
