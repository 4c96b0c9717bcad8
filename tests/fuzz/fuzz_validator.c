/*
 * fuzz_validator.c: any bytes as what nodes, files, logs and old states say of a validator; the first byte chooses
 * which. What is taken is of the right form; what is refused has words; a state that was written is read as it was; a
 * key file is never read beyond its public half.
 *
 * Built with clang -fsanitize=fuzzer,address,undefined it searches; with FUZZ_REPLAY defined it reads the files it is
 * given.
 */
#include "kit/json.h"
#include "plugins/validator/alerts.h"
#include "plugins/validator/attempts.h"
#include "plugins/validator/facts.h"
#include "plugins/validator/public_key.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define INPUT_MAX (1u << 16)
#define VALCONS "gonkavalcons1zw0vk557mv9umazutq75mshae90kdv0g0q0s9t"
#define HEX "139ECB529EDB0BCDF45C583D4DC2FDC95F66B1E8"
#define ACCOUNT "gonka1y2a9p56kv044327uycmqdexl7zs82fs5ryv5le"
#define OPERATOR "gonkavaloper1y2a9p56kv044327uycmqdexl7zs82fs5lyang5"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
need(int good)
{
    if (!good)
        abort();
}

static void
check_key(const char *key)
{
    char again[VAL_KEY_MAX];

    need(val_take_key(key, again) == 0 && strcmp(key, again) == 0);
}

static void
try_chain(const cJSON *json)
{
    struct val_params    params;
    struct val_validator validator;
    struct val_signing   signing;
    struct val_commit    commit;
    char                 why[VAL_WHY] = "";

    if (val_read_params(json, &params, why) == 0)
        need(params.most_missed >= 0 && params.most_missed <= params.window && params.jail_ns >= 0);
    else
        need(*why != 0);
    if (val_read_validator(json, OPERATOR, &validator, why) == 0) {
        need(validator.jailed == 0 || validator.jailed == 1);
        check_key(validator.key);
    }
    if (val_read_signing(json, VALCONS, &signing, why) == 0)
        need(signing.missed >= 0 && (signing.tombstoned == 0 || signing.tombstoned == 1));
    if (val_read_commit(json, HEX, &commit, why) == 0)
        need(commit.absent <= commit.n && commit.own <= commit.n);
}

static void
try_accounts(const cJSON *json)
{
    struct val_participant participant;
    struct val_grants      grants;
    struct val_allowance   allowance;
    struct val_container   container;
    char                   balance[GA_AMOUNT_MAX];
    char                   why[VAL_WHY] = "";
    int                    order = 0;

    if (val_read_participant(json, ACCOUNT, &participant, why) == 0 && *participant.key)
        check_key(participant.key);
    if (val_read_balance(json, balance, why) == 0)
        need(ga_amount_compare(balance, "0", &order) == 0 && order >= 0);
    (void)val_read_grants(json, &grants, why);
    if (val_read_container(json, &container, why) == 0)
        need(container.running == 0 || container.running == 1);
    if (val_read_allowance(json, ACCOUNT, &allowance, why) == 0)
        need(allowance.n <= 1);
}

/* Where the bytes `priv_key` in quotes end: nothing behind them may be read. */
static void
try_key_file(const uint8_t *data, size_t len)
{
    const char *private_name = memmem(data, len, "\"priv_key\"", 10);
    char        key[VAL_KEY_MAX];
    char        why[VAL_WHY] = "";
    int         fd = memfd_create("key", MFD_CLOEXEC);
    off_t       at;

    if (fd < 0)
        return;
    need(write(fd, data, len) == (ssize_t)len && lseek(fd, 0, SEEK_SET) == 0);
    if (val_key_from_fd(fd, key, why) == 0)
        check_key(key);
    else
        need(*why != 0);
    at = lseek(fd, 0, SEEK_CUR);
    if (private_name && memchr(data, '\\', len) == NULL && memchr(data, '"', len) == private_name)
        need(at <= (off_t)(private_name - (const char *)data) + 10);
    (void)close(fd);
}

static void
try_states(const char *text, size_t len)
{
    struct val_alerts   alerts;
    struct val_alerts   alerts_back;
    struct val_attempts attempts;
    struct val_attempts attempts_back;
    char               *written;

    (void)val_alerts_read(&alerts, text, len);
    written = val_alerts_write(&alerts);
    need(written && val_alerts_read(&alerts_back, written, strlen(written)) == 0 && alerts_back.n == alerts.n);
    cJSON_free(written);
    if (val_attempts_read(&attempts, text, len) < 0)
        need(attempts.n == 0);
    written = val_attempts_write(&attempts);
    need(written && val_attempts_read(&attempts_back, written, strlen(written)) == 0 && attempts_back.n == attempts.n);
    cJSON_free(written);
}

static void
try_json(const char *text, size_t len)
{
    char   why[160];
    cJSON *json = ga_json_parse(text, len, why, sizeof(why));

    if (!json)
        return;
    try_chain(json);
    try_accounts(json);
    cJSON_Delete(json);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char    key[VAL_KEY_MAX];
    char    why[VAL_WHY];
    int64_t height = 0;

    if (len < 1 || len > INPUT_MAX)
        return 0;
    switch (data[0]) {
    case 'k':
        try_key_file(data + 1, len - 1);
        break;
    case 'l':
        if (val_key_from_log((const char *)data + 1, len - 1, key) == 0)
            check_key(key);
        break;
    case 's':
        try_states((const char *)data + 1, len - 1);
        if (val_state_height((const char *)data + 1, len - 1, &height, why) == 0)
            need(height >= 0);
        break;
    default:
        try_json((const char *)data + 1, len - 1);
        break;
    }
    return 0;
}

#include "tests/fuzz/replay.h"
