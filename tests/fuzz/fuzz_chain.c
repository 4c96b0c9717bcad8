/*
 * fuzz_chain.c: what comes from nodes, read. The first byte says by whom: a status (and the rule on what it says), an
 * address, an amount, a moment, a duration. What is taken must come back the same when it is written and read again;
 * what is not must be told in words.
 */
#include "kit/amount.h"
#include "kit/bech32.h"
#include "kit/chain.h"
#include "kit/json.h"
#include "kit/when.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define INPUT_MAX 65536
#define STATUSES 4
#define NOW INT64_C(1763633480000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
must(int holds)
{
    if (!holds)
        abort();
}

/* --- a status ------------------------------------------------------------------------------------------------------
 */

static void
judge(struct ga_chain_quorum *quorum)
{
    static struct ga_chain_source sources[STATUSES];
    const struct ga_chain_rules   rules = {.agree = 2, .now_ns = NOW};
    enum ga_chain_known           known = ga_chain_judge(sources, &rules, quorum);

    must(*quorum->text != '\0' && known == quorum->known);
    must(known == GA_CHAIN_UNKNOWN ? quorum->height == 0 : *quorum->chain_id != '\0');
    must(known != GA_CHAIN_KNOWN || quorum->n_healthy >= 2);
    for (size_t i = 0; i < quorum->n; i++)
        must((quorum->looks[i].verdict.why == GA_CHAIN_OK) == (*quorum->looks[i].verdict.text == '\0'));
}

/* An array: what up to four nodes said. */
static void
read_statuses(const char *text, size_t len)
{
    static struct ga_chain_quorum quorum;
    char                          why[160];
    cJSON                        *json = ga_json_parse(text, len, why, sizeof(why));
    const cJSON                  *element;

    memset(&quorum, 0, sizeof(quorum));
    cJSON_ArrayForEach(element, json)
    {
        struct ga_chain_look *look = &quorum.looks[quorum.n];

        if (quorum.n == STATUSES)
            break;
        quorum.n++;
        look->answered = ga_chain_status_parse("node", element, &look->status, &look->verdict) == GA_CHAIN_OK;
        must(look->answered ? *look->status.chain_id != '\0' && look->status.height >= 0 : *look->verdict.text != '\0');
    }
    judge(&quorum);
    cJSON_Delete(json);
}

/* --- texts ---------------------------------------------------------------------------------------------------------
 */

static void
read_address(const char *text)
{
    char    prefix[GA_BECH32_PREFIX_MAX];
    char    again[GA_BECH32_MAX];
    char    other[GA_BECH32_MAX];
    char    why[256] = "";
    uint8_t bytes[GA_BECH32_DATA_MAX];
    size_t  len = 0;

    if (ga_bech32_decode(text, prefix, bytes, sizeof(bytes), &len, why, sizeof(why)) < 0)
        must(*why != '\0');
    else
        must(ga_bech32_encode(prefix, bytes, len, again, sizeof(again)) == 0 && strcasecmp(text, again) == 0);
    if (ga_address_convert(text, GA_PREFIX_OPERATOR, again, sizeof(again), why, sizeof(why)) == 0)
        must(ga_address_check(again, GA_PREFIX_OPERATOR, why, sizeof(why)) == 0);
    if (ga_consensus_to_hex(text, again, sizeof(again), why, sizeof(why)) == 0)
        must(ga_consensus_of_hex(again, other, sizeof(other), why, sizeof(why)) == 0 && strcmp(text, other) == 0);
    (void)ga_consensus_of_base64(text, again, sizeof(again), other, sizeof(other), why, sizeof(why));
}

static void
read_amount(const char *text)
{
    char ngonka[GA_AMOUNT_MAX];
    char shown[GA_AMOUNT_MAX];
    char again[GA_AMOUNT_MAX];
    char why[256] = "";

    if (ga_amount_parse(text, ngonka, sizeof(ngonka), why, sizeof(why)) < 0) {
        must(*why != '\0' && *ngonka == '\0');
        return;
    }
    must(ga_amount_show_short(ngonka, shown, sizeof(shown), why, sizeof(why)) == 0);
    must(ga_amount_parse(shown, again, sizeof(again), why, sizeof(why)) == 0 && strcmp(ngonka, again) == 0);
    must(ga_amount_subtract(ngonka, again, again, sizeof(again)) == 0 && strcmp(again, "0") == 0);
}

static void
read_moment(const char *text)
{
    char    shown[96];
    int64_t ns = 0;
    int64_t again = 0;

    if (ga_when_parse(text, &ns) != 0)
        return;
    must(ga_when_parse(ga_when_format(ns, shown, sizeof(shown)), &again) == 0 && again == ns);
    (void)ga_when_show(ns, NOW, shown, sizeof(shown));
}

static void
read_duration(const char *text)
{
    char    shown[64];
    int64_t ns = 0;
    int64_t again = 0;

    if (ga_when_duration_parse(text, &ns) == 0)
        must(ga_when_duration_parse(ga_when_duration_format(ns, shown, sizeof(shown)), &again) == 0 && again == ns);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char *text = len > 0 && len <= INPUT_MAX ? malloc(len) : NULL;

    if (!text)
        return 0;
    memcpy(text, data + 1, len - 1);
    text[len - 1] = '\0';
    switch (data[0]) {
    case 's':
        read_statuses(text, len - 1);
        break;
    case 'a':
        read_address(text);
        break;
    case 'g':
        read_amount(text);
        break;
    case 'm':
        read_moment(text);
        break;
    case 'd':
        read_duration(text);
        break;
    default:
        break;
    }
    free(text);
    return 0;
}

#include "tests/fuzz/replay.h"
