/* secret.c: X25519, HKDF, ChaCha20-Poly1305 and Ed25519, as CometBFT's secret connection puts them together. */
#include "plugins/seed-manager/secret.h"

#include "plugins/seed-manager/transcript.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <stdio.h>
#include <string.h>

#define TAG 16

/* --- keys ----------------------------------------------------------------------------------------------------------
 */

int
secret_init(struct secret *secret)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    size_t    private_len = SECRET_KEY;
    size_t    public_len = SECRET_KEY;
    int       ok;

    memset(secret, 0, sizeof(*secret));
    ok = key && EVP_PKEY_get_raw_private_key(key, secret->own_private, &private_len) == 1 &&
         EVP_PKEY_get_raw_public_key(key, secret->own_public, &public_len) == 1;
    EVP_PKEY_free(key);
    return ok ? 0 : -1;
}

void
secret_clear(struct secret *secret)
{
    OPENSSL_cleanse(secret, sizeof(*secret));
}

/* OpenSSL refuses keys that make the outcome known to everybody. */
static int
exchange(const struct secret *secret, const uint8_t theirs[SECRET_KEY], uint8_t shared[SECRET_KEY])
{
    EVP_PKEY     *own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret->own_private, SECRET_KEY);
    EVP_PKEY     *other = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, theirs, SECRET_KEY);
    EVP_PKEY_CTX *context = own ? EVP_PKEY_CTX_new(own, NULL) : NULL;
    size_t        len = SECRET_KEY;
    int ok = context && other && EVP_PKEY_derive_init(context) == 1 && EVP_PKEY_derive_set_peer(context, other) == 1 &&
             EVP_PKEY_derive(context, shared, &len) == 1 && len == SECRET_KEY;

    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(other);
    EVP_PKEY_free(own);
    return ok ? 0 : -1;
}

/* HKDF with SHA-256 and no salt. */
static int
derive(const uint8_t shared[SECRET_KEY], uint8_t *ret, size_t len)
{
    static const char info[] = "TENDERMINT_SECRET_CONNECTION_KEY_AND_CHALLENGE_GEN";
    EVP_PKEY_CTX     *context = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
    int ok = context && EVP_PKEY_derive_init(context) == 1 && EVP_PKEY_CTX_set_hkdf_md(context, EVP_sha256()) == 1 &&
             EVP_PKEY_CTX_set1_hkdf_key(context, shared, SECRET_KEY) == 1 &&
             EVP_PKEY_CTX_add1_hkdf_info(context, (const unsigned char *)info, sizeof(info) - 1) == 1 &&
             EVP_PKEY_derive(context, ret, &len) == 1;

    EVP_PKEY_CTX_free(context);
    return ok ? 0 : -1;
}

/* Both sides add the same messages, the lesser key first. */
static void
make_challenge(struct secret *secret, const uint8_t *lower, const uint8_t *upper, const uint8_t shared[SECRET_KEY])
{
    struct transcript transcript;

    transcript_init(&transcript, "TENDERMINT_SECRET_CONNECTION_TRANSCRIPT_HASH");
    transcript_append(&transcript, "EPHEMERAL_LOWER_PUBLIC_KEY", lower, SECRET_KEY);
    transcript_append(&transcript, "EPHEMERAL_UPPER_PUBLIC_KEY", upper, SECRET_KEY);
    transcript_append(&transcript, "DH_SECRET", shared, SECRET_KEY);
    transcript_challenge(&transcript, "SECRET_CONNECTION_MAC", secret->challenge, SECRET_KEY);
    OPENSSL_cleanse(&transcript, sizeof(transcript));
}

int
secret_agree(struct secret *secret, const uint8_t theirs[SECRET_KEY])
{
    int     is_lower = memcmp(secret->own_public, theirs, SECRET_KEY) < 0;
    uint8_t shared[SECRET_KEY];
    uint8_t keys[2 * SECRET_KEY];
    int     r = exchange(secret, theirs, shared);

    if (r == 0)
        r = derive(shared, keys, sizeof(keys));
    if (r == 0) {
        memcpy(secret->receive_key, keys + (is_lower ? 0 : SECRET_KEY), SECRET_KEY);
        memcpy(secret->send_key, keys + (is_lower ? SECRET_KEY : 0), SECRET_KEY);
        make_challenge(secret, is_lower ? secret->own_public : theirs, is_lower ? theirs : secret->own_public, shared);
    }
    OPENSSL_cleanse(shared, sizeof(shared));
    OPENSSL_cleanse(keys, sizeof(keys));
    return r;
}

/* --- frames --------------------------------------------------------------------------------------------------------
 */

/* Four zero bytes, then the number of the frame. */
static void
make_nonce(uint8_t nonce[12], uint64_t number)
{
    memset(nonce, 0, 4);
    for (unsigned i = 0; i < 8; i++)
        nonce[4 + i] = (uint8_t)(number >> (8 * i));
}

int
secret_seal(struct secret *secret, const uint8_t *data, size_t len, uint8_t frame[SECRET_FRAME])
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    uint8_t         plain[SECRET_FRAME - TAG] = {(uint8_t)len, (uint8_t)(len >> 8)};
    uint8_t         nonce[12];
    int             n = 0;
    int             ok;

    make_nonce(nonce, secret->sent++);
    memcpy(plain + 4, data, len);
    ok = context && EVP_EncryptInit_ex(context, EVP_chacha20_poly1305(), NULL, secret->send_key, nonce) == 1 &&
         EVP_EncryptUpdate(context, frame, &n, plain, sizeof(plain)) == 1 &&
         EVP_EncryptFinal_ex(context, frame + n, &n) == 1 &&
         EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG, frame + sizeof(plain)) == 1;
    EVP_CIPHER_CTX_free(context);
    return ok ? 0 : -1;
}

int
secret_open(struct secret *secret, const uint8_t frame[SECRET_FRAME], uint8_t *ret, size_t *ret_len)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    uint8_t         plain[SECRET_FRAME - TAG];
    uint8_t         tag[TAG];
    uint8_t         nonce[12];
    size_t          len;
    int             n = 0;
    int             ok;

    make_nonce(nonce, secret->received++);
    memcpy(tag, frame + sizeof(plain), TAG);
    ok = context && EVP_DecryptInit_ex(context, EVP_chacha20_poly1305(), NULL, secret->receive_key, nonce) == 1 &&
         EVP_DecryptUpdate(context, plain, &n, frame, sizeof(plain)) == 1 &&
         EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1 &&
         EVP_DecryptFinal_ex(context, plain + n, &n) == 1;
    EVP_CIPHER_CTX_free(context);
    len = ok ? (size_t)plain[0] | (size_t)plain[1] << 8 | (size_t)plain[2] << 16 | (size_t)plain[3] << 24 : 0;
    if (!ok || len > SECRET_DATA)
        return -1;
    memcpy(ret, plain + 4, len);
    *ret_len = len;
    return 0;
}

/* --- signatures ----------------------------------------------------------------------------------------------------
 */

int
secret_sign(const struct secret *secret, uint8_t public_key[SECRET_KEY], uint8_t signature[SECRET_SIGNATURE])
{
    EVP_PKEY   *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t      key_len = SECRET_KEY;
    size_t      len = SECRET_SIGNATURE;
    int         ok = key && context && EVP_PKEY_get_raw_public_key(key, public_key, &key_len) == 1 &&
             EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
             EVP_DigestSign(context, signature, &len, secret->challenge, SECRET_KEY) == 1;

    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return ok ? 0 : -1;
}

int
secret_verify(const struct secret *secret, const uint8_t public_key[SECRET_KEY],
              const uint8_t signature[SECRET_SIGNATURE])
{
    EVP_PKEY   *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key, SECRET_KEY);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int         ok = key && context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
             EVP_DigestVerify(context, signature, SECRET_SIGNATURE, secret->challenge, SECRET_KEY) == 1;

    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return ok;
}

int
secret_id(const uint8_t public_key[SECRET_KEY], char id[41])
{
    uint8_t digest[32];

    if (EVP_Digest(public_key, SECRET_KEY, digest, NULL, EVP_sha256(), NULL) != 1)
        return -1;
    for (size_t i = 0; i < 20; i++)
        (void)snprintf(id + 2 * i, 3, "%02x", digest[i]);
    return 0;
}
