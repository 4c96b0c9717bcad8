/*
 * fuzz_seed_toml.c: any bytes as a config.toml. What the editor can change must then read as it was set and
 * stay as it is when the same value is set again; what can be read can be set; a refusal names the file.
 *
 * Built with clang -fsanitize=fuzzer,address,undefined it searches; with FUZZ_REPLAY defined it reads the files it is
 * given.
 */
#include "plugins/seed-manager/edit_toml.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX (1u << 16)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char *const values[] = {"", "a@b:1,c@d:2", "it's \"\\\n\x01\x7f\xc3\xa9"};

/* The value of seeds; NULL: it is not there, or refused (then *r is -1). */
static char *
get(const char *text, size_t len, int *r)
{
    struct edit_text in = {"config.toml", text, len};
    char             why[EDIT_WHY_MAX] = "";
    char            *value = NULL;

    *r = edit_toml_get(&in, "p2p", "seeds", &value, why);
    if (*r < 0 && strncmp(why, "config.toml:", 12) != 0)
        abort(); /* no reason, or no place */
    return value;
}

static int
set(const char *text, size_t len, const char *value, struct edit_bytes *out)
{
    struct edit_text   in = {"config.toml", text, len};
    struct toml_change change = {"seeds", value};
    char               why[EDIT_WHY_MAX] = "";

    return edit_toml_set(&in, "p2p", &change, 1, out, why);
}

static void
check_same(const struct edit_bytes *out, const char *text, size_t len)
{
    if (out->len != len || (len > 0 && memcmp(out->data, text, len) != 0))
        abort();
}

static void
change(const char *text, size_t len, const char *value)
{
    struct edit_bytes once = {0};
    struct edit_bytes again = {0};
    char             *got;
    int               r;

    if (set(text, len, value, &once) != 0) {
        free(get(text, len, &r));
        if (r == 1 || once.data)
            abort(); /* it can be read, so it can be set */
        return;
    }
    got = get(once.data, once.len, &r);
    if (!got || strcmp(got, value) != 0 || set(once.data, once.len, value, &again) != 0)
        abort();
    check_same(&again, once.data, once.len);
    free(got);
    edit_bytes_free(&once);
    edit_bytes_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const char       *text = (const char *)data;
    struct edit_bytes out = {0};
    char             *value;
    int               r;

    if (len > INPUT_MAX)
        return 0;
    value = get(text, len, &r);
    if (value && set(text, len, value, &out) != 0)
        abort();
    if (value)
        check_same(&out, text, len);
    edit_bytes_free(&out);
    free(value);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        change(text, len, values[i]);
    return 0;
}

#include "tests/fuzz/replay.h"
