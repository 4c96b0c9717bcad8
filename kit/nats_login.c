/* nats_login.c: user and password, token, nkey, credentials and TLS files of a NATS connection. */
#include "kit/nats_parts.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSTEM_CA "/etc/ssl/certs/ca-certificates.crt"
#define SEED_CHARS 58 /* 2 bytes prefix, 32 seed, 2 checksum in base32 without padding */
#define PREFIX_SEED (18 << 3)
#define PREFIX_USER (20 << 3)

static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* CRC-16/XMODEM, the checksum of nkeys. */
static uint16_t
crc16(const unsigned char *data, size_t len)
{
    unsigned crc = 0;

    for (size_t i = 0; i < len; i++) {
        crc ^= (unsigned)data[i] << 8;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
    }
    return (uint16_t)crc;
}

/* The 36 bytes of a seed's text. 0, or -1 when it is no base32 of that length. */
static int
seed_decode(const char *text, unsigned char ret[36])
{
    unsigned bits = 0;
    unsigned n_bits = 0;
    size_t   n = 0;

    if (strlen(text) != SEED_CHARS)
        return -1;
    for (; *text; text++) {
        const char *at = strchr(base32, *text);

        if (!at)
            return -1;
        bits = (bits << 5 | (unsigned)(at - base32)) & 0xffffu;
        n_bits += 5;
        if (n_bits >= 8) {
            n_bits -= 8;
            ret[n++] = (unsigned char)(bits >> n_bits);
        }
    }
    return n == 36 ? 0 : -1;
}

static void
base32_encode(const unsigned char *data, size_t len, char *ret)
{
    unsigned bits = 0;
    unsigned n_bits = 0;

    for (size_t i = 0; i < len; i++) {
        bits = (bits << 8 | data[i]) & 0xffffu;
        n_bits += 8;
        while (n_bits >= 5) {
            n_bits -= 5;
            *ret++ = base32[bits >> n_bits & 31];
        }
    }
    if (n_bits > 0)
        *ret++ = base32[bits << (5 - n_bits) & 31];
    *ret = 0;
}

/* The public name ("U...") of a user's seed. 0, or -1 when the seed is none, is damaged, or is not a user's. */
static int
public_of(const char *seed, char ret[64])
{
    unsigned char raw[36];
    unsigned char name[35] = {PREFIX_USER};
    size_t        len = 32;
    uint16_t      crc;
    EVP_PKEY     *key;
    int           ok;

    if (seed_decode(seed, raw) < 0)
        return -1;
    crc = crc16(raw, 34);
    ok = raw[34] == (crc & 0xff) && raw[35] == crc >> 8 && (raw[0] & 0xf8) == PREFIX_SEED &&
         (((raw[0] & 7) << 5) | ((raw[1] & 0xf8) >> 3)) == PREFIX_USER;
    key = ok ? EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, raw + 2, 32) : NULL;
    ok = key && EVP_PKEY_get_raw_public_key(key, name + 1, &len) == 1 && len == 32;
    EVP_PKEY_free(key);
    OPENSSL_cleanse(raw, sizeof(raw));
    if (!ok)
        return -1;
    crc = crc16(name, 33);
    name[33] = (unsigned char)(crc & 0xff);
    name[34] = (unsigned char)(crc >> 8);
    base32_encode(name, sizeof(name), ret);
    return 0;
}

/* The line between "-----BEGIN <what>-----" and the next "---". NULL when there is none; the caller frees it. */
static char *
section(const char *text, const char *what)
{
    const char *at = strstr(text, what);
    size_t      len;

    if (!at)
        return NULL;
    at += strlen(what);
    at += strspn(at, "-");
    at += strspn(at, " \t\r\n");
    /* A JWT in base64url may hold '-': only blanks end it. */
    len = strcspn(at, " \t\r\n");
    return len > 0 ? strndup(at, len) : NULL;
}

static natsStatus
give_jwt(char **ret, char **reterr, void *userdata)
{
    const struct nats_login *login = userdata;

    (void)reterr;
    *ret = strdup(login->jwt);
    return *ret ? NATS_OK : NATS_NO_MEMORY;
}

static natsStatus
sign(char **reterr, unsigned char **ret, int *ret_len, const char *nonce, void *userdata)
{
    struct nats_login *login = userdata;
    natsStatus         status = nats_Sign(login->seed, nonce, ret, ret_len);

    (void)reterr;
    if (status != NATS_OK)
        login->failed = 1;
    else
        /* libnats takes a signature that begins with a zero byte for an empty string: one login in 256 has none. */
        login->unsent = **ret == 0;
    return status;
}

static int
creds_set(struct nats_login *login, const char *creds, natsOptions *options, struct ga_nats_error *err)
{
    login->jwt = section(creds, "BEGIN NATS USER JWT");
    login->seed = section(creds, "BEGIN USER NKEY SEED");
    if (!login->jwt || !login->seed) {
        nats_say(err, GA_NATS_CONFIG,
                 "the credentials hold no user JWT and seed: give the whole .creds file as nsc writes it");
        return -1;
    }
    if (public_of(login->seed, login->public) < 0) {
        nats_say(err, GA_NATS_CONFIG, "the seed in the credentials is damaged or is not a user's: make them anew");
        return -1;
    }
    if (natsOptions_SetUserCredentialsCallbacks(options, give_jwt, login, sign, login) == NATS_OK)
        return 0;
    nats_say(err, GA_NATS_OTHER, "libnats does not take the credentials: %s", nats_GetLastError(NULL));
    return -1;
}

static int
nkey_set(struct nats_login *login, const char *nkey, natsOptions *options, struct ga_nats_error *err)
{
    const char *start = nkey + strspn(nkey, " \t\r\n");

    login->seed = strndup(start, strcspn(start, " \t\r\n"));
    if (!login->seed || public_of(login->seed, login->public) < 0) {
        nats_say(err, GA_NATS_CONFIG,
                 "the nkey is no seed of a user: give the 58 characters that begin with SU, not the public key");
        return -1;
    }
    if (natsOptions_SetNKey(options, login->public, sign, login) == NATS_OK)
        return 0;
    nats_say(err, GA_NATS_OTHER, "libnats does not take the nkey: %s", nats_GetLastError(NULL));
    return -1;
}

int
nats_login_set(struct nats_login *login, const struct ga_nats_config *config, natsOptions *options,
               struct ga_nats_error *err)
{
    natsStatus status = NATS_OK;

    if (config->creds)
        return creds_set(login, config->creds, options, err);
    if (config->nkey)
        return nkey_set(login, config->nkey, options, err);
    if (config->user)
        status = natsOptions_SetUserInfo(options, config->user, config->password ? config->password : "");
    else if (config->token)
        status = natsOptions_SetToken(options, config->token);
    if (status == NATS_OK)
        return 0;
    nats_say(err, GA_NATS_OTHER, "libnats does not take the login: %s", natsStatus_GetText(status));
    return -1;
}

void
nats_login_done(struct nats_login *login)
{
    if (login->seed)
        OPENSSL_cleanse(login->seed, strlen(login->seed));
    if (login->jwt)
        OPENSSL_cleanse(login->jwt, strlen(login->jwt));
    free(login->seed);
    free(login->jwt);
    login->seed = NULL;
    login->jwt = NULL;
}

/* 1 when the file can be read; else says so. */
static int
readable(const char *path, const char *what, struct ga_nats_error *err)
{
    if (access(path, R_OK) == 0)
        return 1;
    nats_say(err, GA_NATS_CONFIG, "cannot read the %s %s: %s: check the path and its rights", what, path,
             strerrorname_np(errno));
    return 0;
}

int
nats_tls_set(const struct ga_nats_config *config, const char *url, natsOptions *options, struct ga_nats_error *err)
{
    int         wanted = strncmp(url, "tls://", 6) == 0;
    const char *ca = config->ca_file;

    if (config->cert_file || config->key_file) {
        if (!config->cert_file || !config->key_file) {
            nats_say(err, GA_NATS_CONFIG, "a client certificate needs both its file and its key's");
            return -1;
        }
        if (!readable(config->cert_file, "certificate", err) || !readable(config->key_file, "key", err))
            return -1;
        if (natsOptions_LoadCertificatesChain(options, config->cert_file, config->key_file) != NATS_OK) {
            nats_say(err, GA_NATS_TLS, "%s and %s are no PEM certificate and its key: %s", config->cert_file,
                     config->key_file, nats_GetLastError(NULL));
            return -1;
        }
    }
    if (ca && !readable(ca, "CA certificates", err))
        return -1;
    if (!ca && access(SYSTEM_CA, R_OK) == 0)
        ca = SYSTEM_CA; /* libnats loads none by itself */
    if (ca && (config->ca_file || wanted) && natsOptions_LoadCATrustedCertificates(options, ca) != NATS_OK) {
        nats_say(err, GA_NATS_TLS, "%s holds no PEM certificates: %s", ca, nats_GetLastError(NULL));
        return -1;
    }
    if (wanted && natsOptions_SetSecure(options, true) != NATS_OK) {
        nats_say(err, GA_NATS_TLS, "libnats does no TLS: %s", nats_GetLastError(NULL));
        return -1;
    }
    return 0;
}
