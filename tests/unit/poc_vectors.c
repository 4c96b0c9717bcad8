/* poc_vectors.c: vectors of the network's reference. */
#include "tests/unit/poc_vectors.h"

#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

cJSON *
vectors(const char *name)
{
    const char *srcdir = getenv("srcdir");
    char        path[512];
    FILE       *file;
    char       *content = calloc(1, 1 << 20);
    cJSON      *json;

    (void)snprintf(path, sizeof(path), "%s/tests/vectors/poc/%s", srcdir ? srcdir : ".", name);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(content, 1, (1 << 20) - 1, file) > 0);
    (void)fclose(file);
    json = cJSON_Parse(content);
    assert_non_null(json);
    free(content);
    return json;
}

const cJSON *
member(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    assert_non_null(item);
    return item;
}

const char *
text(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(member(object, key));
}

void
assert_digest(const void *data, size_t len, const char *expected)
{
    unsigned char digest[32];
    char          hex[65];

    assert_int_equal(EVP_Digest(data, len, digest, NULL, EVP_sha256(), NULL), 1);
    for (unsigned i = 0; i < 32; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    assert_string_equal(hex, expected);
}

double
number(const cJSON *object, const char *key)
{
    return member(object, key)->valuedouble;
}

struct poc_params
vector_params(const cJSON *vector)
{
    const cJSON *json = member(vector, "params");

    return (struct poc_params){
        .dim = (uint32_t)number(json, "dim"),
        .n_layers = (uint32_t)number(json, "n_layers"),
        .n_heads = (uint32_t)number(json, "n_heads"),
        .n_kv_heads = (uint32_t)number(json, "n_kv_heads"),
        .vocab_size = (uint32_t)number(json, "vocab_size"),
        .multiple_of = (uint32_t)number(json, "multiple_of"),
        .seq_len = (uint32_t)number(json, "seq_len"),
        .use_scaled_rope = (uint32_t)cJSON_IsTrue(member(json, "use_scaled_rope")),
        .ffn_dim_multiplier = number(json, "ffn_dim_multiplier"),
        .norm_eps = number(json, "norm_eps"),
        .rope_theta = number(json, "rope_theta"),
    };
}
