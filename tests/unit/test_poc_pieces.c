/* Which nonces of a list are open, done and untouched: each is given out until it is done, and never after. */
#include "plugins/poc-worker/pieces.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
assert_taken(struct poc_pieces *pieces, uint32_t most, int64_t first, uint32_t n)
{
    int64_t got = -1;

    assert_int_equal(poc_pieces_take(pieces, most, &got), n);
    if (n > 0)
        assert_int_equal(got, first);
}

static void
assert_text(const struct poc_pieces *pieces, const char *text)
{
    char buf[POC_PIECES_TEXT];

    assert_string_equal(poc_pieces_print(pieces, buf), text);
}

static void
a_list_is_given_out_once_and_to_its_end(void **state)
{
    struct poc_pieces pieces = {.end = 10};

    (void)state;
    assert_int_equal(poc_pieces_rest(&pieces), 10);
    assert_taken(&pieces, 4, 0, 4);
    assert_taken(&pieces, 4, 4, 4);
    assert_taken(&pieces, 4, 8, 2);
    assert_taken(&pieces, 4, 0, 0);
    assert_int_equal(poc_pieces_rest(&pieces), 0);
}

static void
what_came_back_is_given_out_before_what_is_new(void **state)
{
    struct poc_pieces pieces = {.end = 100};

    (void)state;
    assert_taken(&pieces, 4, 0, 4);
    assert_taken(&pieces, 4, 4, 4);
    poc_pieces_back(&pieces, 0);
    assert_int_equal(poc_pieces_rest(&pieces), 96);
    assert_taken(&pieces, 4, 0, 4);
    assert_taken(&pieces, 4, 8, 4);
}

static void
a_large_piece_that_came_back_is_shared(void **state)
{
    struct poc_pieces pieces = {.end = 64};

    (void)state;
    assert_taken(&pieces, 64, 0, 64);
    poc_pieces_back(&pieces, 0);
    assert_taken(&pieces, 2, 0, 2);
    assert_taken(&pieces, 100, 2, 62);
    assert_taken(&pieces, 1, 0, 0);
}

static void
what_is_done_is_open_no_more(void **state)
{
    struct poc_pieces pieces = {.end = INT64_MAX};

    (void)state;
    assert_taken(&pieces, 4, 0, 4);
    assert_taken(&pieces, 4, 4, 4);
    poc_pieces_done(&pieces, 0);
    assert_text(&pieces, "8 4+4");
    poc_pieces_done(&pieces, 4);
    assert_text(&pieces, "8");
    assert_int_equal(poc_pieces_rest(&pieces), INT64_MAX);
}

static void
text_has_what_is_open_and_all_of_it_has_come_back(void **state)
{
    struct poc_pieces pieces;

    (void)state;
    assert_int_equal(poc_pieces_parse("1234 1000+64 1100+2", &pieces), 0);
    assert_text(&pieces, "1234 1000+64 1100+2");
    assert_taken(&pieces, 64, 1000, 64);
    assert_taken(&pieces, 64, 1100, 2);
    assert_taken(&pieces, 64, 1234, 64);
    assert_int_equal(poc_pieces_parse("7", &pieces), 0); /* as earlier versions wrote it */
    assert_taken(&pieces, 1, 7, 1);
}

static void
what_is_no_such_text_changes_nothing(void **state)
{
    static const char *const texts[] = {"",
                                        " ",
                                        "-1",
                                        "7 ",
                                        "7 3",
                                        "7 3+",
                                        "7 +3",
                                        "7 3+0",
                                        "7 7+1",
                                        "7 3+5",
                                        "7 -3+1",
                                        "7  3+1",
                                        "7 3+1 ",
                                        "7,3+1",
                                        "999 3+257",
                                        "9 3+1x",
                                        "x",
                                        "0x10",
                                        "7 3+-1",
                                        "99999999999999999999",
                                        "9 99999999999999999999+1"};
    struct poc_pieces        pieces = {.next = 5, .end = 6};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        if (poc_pieces_parse(texts[i], &pieces) == 0)
            fail_msg("'%s' was taken", texts[i]);
    assert_int_equal(pieces.next, 5);
    assert_int_equal(pieces.end, 6);
}

/* The largest there can be: its text fits, and none of it is lost. */
static void
as_many_pieces_as_can_be_open_are_kept_as_text(void **state)
{
    struct poc_pieces pieces = {.next = INT64_MAX - 300 * POC_PIECE_NONCES, .end = INT64_MAX};
    struct poc_pieces again;
    char              text[POC_PIECES_TEXT];
    int64_t           first;
    size_t            n = 0;

    (void)state;
    while (poc_pieces_take(&pieces, POC_PIECE_NONCES, &first) > 0)
        n++;
    assert_int_equal(n, POC_PIECES_MAX);
    assert_int_equal(poc_pieces_parse(poc_pieces_print(&pieces, text), &again), 0);
    assert_int_equal(again.n_open, POC_PIECES_MAX);
    assert_text(&again, text);
    assert_taken(&again, 1, pieces.open[0].first, POC_PIECE_NONCES); /* it cannot be split, and is not lost for it */
}

/* Many who take, finish, fail and die, by chance: each nonce is done exactly once. */
static void
whatever_becomes_of_pieces_each_nonce_is_done_once(void **state)
{
    enum { NONCES = 5000, HANDS = 8 };
    static unsigned char done[NONCES];
    struct poc_pieces    pieces = {.end = NONCES};
    struct {
        int64_t  first;
        uint32_t n;
    } hands[HANDS] = {0};
    char     text[POC_PIECES_TEXT];
    unsigned seed = 1;

    (void)state;
    for (int64_t left = NONCES; left > 0;) {
        size_t hand = (size_t)rand_r(&seed) % HANDS;
        int    chance = rand_r(&seed) % 100;

        if (chance == 0) { /* all of it is killed, and goes on from text */
            assert_int_equal(poc_pieces_parse(poc_pieces_print(&pieces, text), &pieces), 0);
            pieces.end = NONCES;
            memset(hands, 0, sizeof(hands));
        } else if (hands[hand].n == 0) {
            hands[hand].n = poc_pieces_take(&pieces, 1 + (uint32_t)rand_r(&seed) % 64, &hands[hand].first);
        } else if (chance < 20) {
            poc_pieces_back(&pieces, hands[hand].first);
            hands[hand].n = 0;
        } else {
            for (uint32_t i = 0; i < hands[hand].n; i++)
                assert_int_equal(done[hands[hand].first + i]++, 0);
            left -= hands[hand].n;
            poc_pieces_done(&pieces, hands[hand].first);
            hands[hand].n = 0;
        }
    }
    assert_int_equal(pieces.next, NONCES);
    assert_int_equal(pieces.n_open, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_is_given_out_once_and_to_its_end),
        cmocka_unit_test(what_came_back_is_given_out_before_what_is_new),
        cmocka_unit_test(a_large_piece_that_came_back_is_shared),
        cmocka_unit_test(what_is_done_is_open_no_more),
        cmocka_unit_test(text_has_what_is_open_and_all_of_it_has_come_back),
        cmocka_unit_test(what_is_no_such_text_changes_nothing),
        cmocka_unit_test(as_many_pieces_as_can_be_open_are_kept_as_text),
        cmocka_unit_test(whatever_becomes_of_pieces_each_nonce_is_done_once),
    };

    return cmocka_run_group_tests_name("poc_pieces", tests, NULL, NULL);
}
