/*
 * fuzz_json.c: any bytes as a document. What ga_json_parse() takes must come through printing and parsing unchanged:
 * the same text the second time, equal trees, and every number of the source with its value, integers digit by digit.
 *
 * Built with clang -fsanitize=fuzzer,address,undefined it searches; with FUZZ_REPLAY defined it reads the files it is
 * given.
 */
#include "kit/json.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static cJSON *
parse(const char *text, size_t len)
{
    char   why[160] = "";
    cJSON *json = ga_json_parse(text, len, why, sizeof(why));

    if (!json && strncmp(why, "byte ", 5) != 0)
        abort(); /* no reason, or no place */
    if (!json && strtoul(why + 5, NULL, 10) > len)
        abort(); /* a place that is not in the document */
    return json;
}

/* The next number outside of strings, copied; its length, 0: there is none. Knows nothing of how it is parsed. */
static size_t
next_number(const char *text, size_t len, size_t *at, char *copy, size_t size)
{
    int    in_string = 0;
    size_t n = 0;

    for (; *at < len; (*at)++) {
        char c = text[*at];

        if (in_string && c == '\\')
            (*at)++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '-' || (c >= '0' && c <= '9')))
            break;
    }
    while (*at + n < len && text[*at + n] && strchr("0123456789+-.eE", text[*at + n]) && n + 1 < size) {
        copy[n] = text[*at + n];
        n++;
    }
    copy[n] = '\0';
    *at += n;
    return n;
}

static int
is_integer(const char *number)
{
    return strspn(number, "-0123456789") == strlen(number);
}

static void
compare_numbers(const char *text, size_t len, const char *printed)
{
    static char a[INPUT_MAX + 1];
    static char b[INPUT_MAX + 1];
    size_t      at_a = 0;
    size_t      at_b = 0;
    double      left;
    double      right;

    while (next_number(text, len, &at_a, a, sizeof(a)) > 0) {
        if (next_number(printed, strlen(printed), &at_b, b, sizeof(b)) == 0)
            abort(); /* one was lost */
        left = strtod(a, NULL);
        right = strtod(b, NULL);
        if (is_integer(a) ? strcmp(a, b) != 0 : memcmp(&left, &right, sizeof(left)) != 0)
            abort();
    }
    if (next_number(printed, strlen(printed), &at_b, b, sizeof(b)) > 0)
        abort(); /* one was made up */
}

/* Everything that can be asked of a value, for the sanitizers to see. */
static void
ask(const cJSON *value)
{
    int64_t  i = 0;
    uint64_t u = 0;
    int      r = ga_json_value_i64(value, &i);

    if (ga_json_value_u64(value, &u) == 0 && r == 0 && (i < 0 || (uint64_t)i != u))
        abort(); /* two answers to one question */
    (void)ga_json_path(value, "a.0.b");
    for (const cJSON *child = value->child; child; child = child->next)
        ask(child);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    cJSON *json = len <= INPUT_MAX ? parse((const char *)data, len) : NULL;
    cJSON *again;
    char  *once;
    char  *twice;

    if (!json)
        return 0;
    ask(json);
    once = ga_json_print(json);
    again = once ? parse(once, strlen(once)) : NULL;
    twice = again ? ga_json_print(again) : NULL;
    if (!twice || strcmp(once, twice) != 0)
        abort();
    compare_numbers((const char *)data, len, once);
    free(once);
    free(twice);
    cJSON_Delete(again);
    cJSON_Delete(json);
    return 0;
}

#include "tests/fuzz/replay.h"
