/* sign.c: words and flags become a command line of `inferenced`; what it says becomes one of four ends. */
#include "kit/sign.h"

#include "kit/exec.h"
#include "kit/json.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 64
#define SECOND INT64_C(1000000000)
#define SIGN_TIMEOUT (60 * SECOND)
#define IN_MEMPOOL_ALREADY 19 /* code of the SDK: the same transaction was sent before and waits */

/* A command line. Words are borrowed. */
struct words {
    const char *list[WORDS_MAX + 1]; /* NULL at the end */
    size_t      n;
    int         full; /* one did not fit, or was NULL */
};

static void
add(struct words *words, const char *word)
{
    if (!word || words->n == WORDS_MAX) {
        words->full = 1;
        return;
    }
    words->list[words->n++] = word;
}

static void
add_pair(struct words *words, const char *flag, const char *value)
{
    add(words, flag);
    add(words, value);
}

/* --- the command line ----------------------------------------------------------------------------------------------
 */

static const char *
option(struct ga_run *run, const struct ga_host *host, const char *key)
{
    return host->has(run, key) ? host->str(run, key) : NULL;
}

static int
offline(struct ga_run *run, const struct ga_host *host)
{
    return strcmp(host->str(run, "sign"), "offline") == 0;
}

static void
add_program(struct words *words, struct ga_run *run, const struct ga_host *host)
{
    const char *program = option(run, host, "inferenced");

    add(words, program ? program : "inferenced");
    for (size_t i = 0; i < host->count(run, "inferenced_args"); i++)
        add(words, host->str_at(run, "inferenced_args", i));
}

static void
add_home(struct words *words, struct ga_run *run, const struct ga_host *host)
{
    const char *home = option(run, host, "inferenced_home");

    if (home)
        add_pair(words, "--home", home);
}

static void
add_keyring(struct words *words, struct ga_run *run, const struct ga_host *host)
{
    const char *folder = option(run, host, "keyring_dir");

    add_pair(words, "--keyring-backend", host->str(run, "keyring_backend"));
    if (folder)
        add_pair(words, "--keyring-dir", folder);
}

/* What a person who signs by hand has no time for. */
static int
is_short_lived(const char *flag)
{
    return strcmp(flag, "--unordered") == 0 || strncmp(flag, "--timeout-duration=", 19) == 0;
}

static void
add_transaction(struct words *words, struct ga_run *run, const struct ga_host *host,
                const struct ga_transaction *transaction)
{
    const char *node = option(run, host, "sign_node");

    add_program(words, run, host);
    for (size_t i = 0; transaction->words[i]; i++)
        add(words, transaction->words[i]);
    for (size_t i = 0; transaction->flags && transaction->flags[i]; i++)
        if (!offline(run, host) || !is_short_lived(transaction->flags[i]))
            add(words, transaction->flags[i]);
    add_pair(words, "--from", option(run, host, "key"));
    if (!offline(run, host))
        add_keyring(words, run, host);
    add_home(words, run, host);
    add_pair(words, "--node", node ? node : transaction->node);
    add_pair(words, "--chain-id", transaction->chain_id);
    add_pair(words, "--output", "json");
    add(words, offline(run, host) ? "--generate-only" : "--yes");
}

/* --- as text -------------------------------------------------------------------------------------------------------
 */

static void
put(char *buf, size_t len, size_t *used, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (*used + 1 < len)
            buf[*used] = text[i];
        ++*used;
    }
}

/* Quoted as a shell wants it, when it needs to be. */
static void
put_word(char *buf, size_t len, size_t *used, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-";

    if (*used > 0)
        put(buf, len, used, " ", 1);
    if (*word && strspn(word, plain) == strlen(word)) {
        put(buf, len, used, word, strlen(word));
        return;
    }
    put(buf, len, used, "'", 1);
    for (; *word; word++)
        put(buf, len, used, *word == '\'' ? "'\\''" : word, *word == '\'' ? 4 : 1);
    put(buf, len, used, "'", 1);
}

static char *
end_text(char *buf, size_t len, size_t used)
{
    if (len == 0)
        return buf;
    buf[used < len ? used : len - 1] = '\0';
    if (used >= len && len > 4)
        memcpy(buf + len - 4, "...", 4);
    return buf;
}

/* The two commands of the other machine, where the file has been taken. */
static void
put_offline(char *buf, size_t len, size_t *used, const char *key, const char *node, const char *chain_id)
{
    const char *const words[] = {"inferenced", "tx",         "sign",   "unsigned.json",     "--from",     key, "--node",
                                 node,         "--chain-id", chain_id, "--output-document", "signed.json"};
    const char *const then[] = {"inferenced", "tx", "broadcast", "signed.json", "--node", node};

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        put_word(buf, len, used, words[i]);
    put(buf, len, used, " &&", 3);
    for (size_t i = 0; i < sizeof(then) / sizeof(*then); i++)
        put_word(buf, len, used, then[i]);
}

char *
ga_sign_command(struct ga_run *run, const struct ga_host *host, const struct ga_transaction *transaction, char *buf,
                size_t len)
{
    struct words words = {.n = 0};
    const char  *node = option(run, host, "sign_node");
    const char  *key = option(run, host, "key");
    size_t       used = 0;

    if (offline(run, host)) {
        put_offline(buf, len, &used, key ? key : "KEY", node ? node : transaction->node, transaction->chain_id);
        return end_text(buf, len, used);
    }
    add_transaction(&words, run, host, transaction);
    for (size_t i = 0; i < words.n; i++)
        put_word(buf, len, &used, words.list[i]);
    return end_text(buf, len, used);
}

/* --- running it ----------------------------------------------------------------------------------------------------
 */

int
ga_sign_check(struct ga_run *run, const struct ga_host *host, char *why, size_t len)
{
    const char *sign = host->str(run, "sign");
    const char *key = option(run, host, "key");

    if (strcmp(sign, "off") == 0)
        (void)snprintf(why, len, "sign is off: set it to inferenced, or to offline to sign on another machine");
    else if (!host->has(run, "inferenced"))
        (void)snprintf(why, len,
                       "option inferenced is not given: name the program (or /usr/bin/docker, with inferenced_args: "
                       "[exec, -i, node, inferenced])");
    else if (!key)
        (void)snprintf(why, len, "option key is not given: name the cold key that signs");
    else if (offline(run, host) && strncmp(key, "gonka1", 6) != 0)
        (void)snprintf(why, len,
                       "key is '%.80s': with sign: offline there is no keyring here, so give its address (gonka1...)",
                       key);
    else if (!offline(run, host) && strcmp(host->str(run, "keyring_backend"), "file") == 0 &&
             !host->has(run, "key_password"))
        (void)snprintf(why, len, "option key_password is not given: inferenced would ask for the keyring's password");
    else
        return 0;
    return -EINVAL;
}

/* Its last line "Error: ...": what comes before it are prompts, which it writes there, too. NULL: none. */
static const char *
error_line(const char *errors)
{
    const char *found = NULL;

    for (const char *line = errors; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, "Error: ", 7) == 0)
            found = line;
    }
    return found;
}

static void
explain(const struct ga_exec *exec, const struct ga_exec_result *result, char *why, size_t len)
{
    const char *line = result->end == GA_EXEC_EXITED ? error_line(result->errors) : NULL;

    if (line)
        (void)snprintf(why, len, "%s exited with status %d: %.*s", exec->argv[0], result->code,
                       (int)strcspn(line, "\r\n"), line);
    else
        (void)ga_exec_explain(exec, result, why, len);
}

static int
execute(struct ga_run *run, const struct ga_host *host, const struct words *words, int with_password,
        struct ga_exec_result *result, char *why, size_t len)
{
    static const char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    const char       *password = with_password ? option(run, host, "key_password") : NULL;
    const char       *home = option(run, host, "inferenced_home");
    char              home_variable[4200];
    char             *line = NULL;
    const char       *env[] = {path, "LANG=C.UTF-8", home ? home_variable : NULL, NULL};
    struct ga_exec    exec = {
           .argv = words->list, .env = env, .timeout_ns = SIGN_TIMEOUT, .cancel_fd = host->cancel_fd(run)};
    int r;

    (void)snprintf(home_variable, sizeof(home_variable), "HOME=%s", home ? home : "");
    if (password && asprintf(&line, "%s\n", password) < 0)
        line = NULL;
    exec.input = line;
    exec.input_len = line ? strlen(line) : 0;
    r = ga_exec_run(&exec, result);
    if (r < 0)
        explain(&exec, result, why, len);
    if (line)
        explicit_bzero(line, strlen(line));
    free(line);
    return r;
}

/*
 * Words of inferenced that come before anything is sent. With all others it may have been sent. The prompt for the
 * password is none of them: it is written each time.
 */
static int
said_before_sending(const char *errors)
{
    static const char *const words[] = {"key not found",
                                        "incorrect passphrase",
                                        "too many failed passphrase",
                                        "Error: EOF",
                                        "unknown flag",
                                        "unknown command",
                                        "required flag",
                                        "accepts ",
                                        "not a valid",
                                        "invalid decimal coin",
                                        "must have a timeout",
                                        "ttl exceeds",
                                        "account sequence mismatch",
                                        "failed to execute message"};

    if (strstr(errors, "post failed"))
        return strstr(errors, "onnection refused") || strstr(errors, "no such host");
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (strstr(errors, words[i]))
            return 1;
    return 0;
}

static const char *
hint_of(const struct ga_exec_result *result)
{
    if (result->errors && strstr(result->errors, "passphrase") && strstr(result->errors, "Error: EOF"))
        return " (the keyring's password is wrong or missing: see option key_password)";
    if (result->errors && strstr(result->errors, "too many failed passphrase"))
        return " (the keyring's password is wrong: see option key_password)";
    return "";
}

static enum ga_sign_end
judge_failure(const struct ga_exec_result *result, const char *explained, struct ga_signed *ret)
{
    int sure = result->end == GA_EXEC_NOT_STARTED ||
               (result->end == GA_EXEC_EXITED && result->errors && said_before_sending(result->errors));

    (void)snprintf(ret->why, sizeof(ret->why), "%.700s%s%s", explained, hint_of(result),
                   sure ? "; nothing was sent" : "; it may have been sent all the same: the chain will tell");
    return sure ? GA_SIGN_REFUSED : GA_SIGN_UNKNOWN;
}

static enum ga_sign_end
judge_answer(const cJSON *answer, struct ga_signed *ret)
{
    int64_t     code = 0;
    const char *hash = ga_json_str(answer, "txhash");
    const char *words = ga_json_str(answer, "raw_log");

    if (!hash || !*hash || ga_json_i64(answer, "code", &code) < 0) {
        (void)snprintf(ret->why, sizeof(ret->why),
                       "inferenced ended well, but its answer has no txhash and code: it may have been sent");
        return GA_SIGN_UNKNOWN;
    }
    (void)snprintf(ret->hash, sizeof(ret->hash), "%s", hash);
    if (code == 0 || code == IN_MEMPOOL_ALREADY)
        return GA_SIGN_SENT;
    (void)snprintf(ret->why, sizeof(ret->why),
                   "the node refused the transaction with code %lld: %.600s; nothing was sent", (long long)code,
                   words && *words ? words : "it gave no words");
    return GA_SIGN_REFUSED;
}

enum ga_sign_end
ga_sign(struct ga_run *run, const struct ga_host *host, const struct ga_transaction *transaction, struct ga_signed *ret)
{
    struct words          words = {.n = 0};
    struct ga_exec_result result = {.end = GA_EXEC_NOT_STARTED};
    cJSON                *answer;
    char                  explained[800];

    memset(ret, 0, sizeof(*ret));
    ret->end = GA_SIGN_REFUSED;
    if (ga_sign_check(run, host, ret->why, sizeof(ret->why)) < 0)
        return ret->end;
    add_transaction(&words, run, host, transaction);
    if (words.full) {
        (void)snprintf(ret->why, sizeof(ret->why), "the command has more than %d words, or one is missing", WORDS_MAX);
        return ret->end;
    }
    if (execute(run, host, &words, !offline(run, host), &result, explained, sizeof(explained)) < 0) {
        ret->end = judge_failure(&result, explained, ret);
        if (offline(run, host))
            ret->end = GA_SIGN_REFUSED;
        ga_exec_done(&result);
        return ret->end;
    }
    answer = cJSON_ParseWithLength(result.output, result.output_len);
    if (!offline(run, host)) {
        ret->end = judge_answer(answer, ret);
    } else if (ga_json_get(answer, "body")) {
        ret->end = GA_SIGN_WRITTEN;
        ret->text = result.output;
        result.output = NULL;
    } else {
        (void)snprintf(ret->why, sizeof(ret->why), "what inferenced printed is no unsigned transaction");
    }
    cJSON_Delete(answer);
    ga_exec_done(&result);
    return ret->end;
}

void
ga_signed_done(struct ga_signed *result)
{
    free(result->text);
    result->text = NULL;
}

int
ga_inferenced_ask(struct ga_run *run, const struct ga_host *host, const char *const *asked, int with_password,
                  char **ret_output, char *why, size_t len)
{
    struct words          words = {.n = 0};
    struct ga_exec_result result = {.end = GA_EXEC_NOT_STARTED};
    int                   r;

    *ret_output = NULL;
    if (!host->has(run, "inferenced")) {
        (void)snprintf(why, len, "option inferenced is not given");
        return -EIO;
    }
    add_program(&words, run, host);
    for (size_t i = 0; asked[i]; i++)
        add(&words, asked[i]);
    if (with_password)
        add_keyring(&words, run, host);
    add_home(&words, run, host);
    if (words.full) {
        (void)snprintf(why, len, "the command has more than %d words", WORDS_MAX);
        return -EIO;
    }
    r = execute(run, host, &words, with_password, &result, why, len);
    if (r == 0) {
        *ret_output = result.output;
        result.output = NULL;
    }
    ga_exec_done(&result);
    return r < 0 ? -EIO : 0;
}
