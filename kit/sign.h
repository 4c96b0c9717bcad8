/*
 * kit/sign.h: transactions that the operator's own `inferenced` signs and sends, with the FAQ's command lines.
 *
 * The agent never holds a key: the program has the keyring, its password goes in by standard input. With
 * `sign: offline` nothing is signed here: an unsigned transaction is made (--generate-only) and the commands are told
 * that sign and send it elsewhere. It is an ordered one then, without an end: a person may take longer than the ten
 * minutes that an unordered one lasts at most.
 *
 * Put GA_SIGN_OPTIONS into the plugin's table of options. Link: libkit-chain.
 */
#ifndef GA_KIT_SIGN_H
#define GA_KIT_SIGN_H

#include <gonka-agent/plugin.h>
#include <stddef.h>

/* clang-format off */
#define GA_SIGN_OPTIONS                                                                                             \
    {.key = "sign", .type = GA_T_ENUM, .choices = "off|inferenced|offline", .dflt = "off",                          \
     .help = "off: never; inferenced: with this host's program and keyring; offline: written for another machine"}, \
    {.key = "inferenced", .type = GA_T_PATH, .flags = GA_EXEC | GA_READ | GA_MUST_EXIST,                            \
     .help = "the program inferenced, or what reaches it (/usr/bin/docker, with inferenced_args)"},                 \
    {.key = "inferenced_args", .type = GA_T_STRING | GA_T_LIST,                                                     \
     .help = "what comes before its arguments: [exec, -i, node, inferenced]"},                                      \
    {.key = "inferenced_home", .type = GA_T_PATH, .flags = GA_READ | GA_WRITE,                                      \
     .help = "--home: inferenced's folder, where it may write its client's settings"},                              \
    {.key = "docker_socket", .type = GA_T_PATH, .flags = GA_SOCKET,                                                 \
     .help = "Docker's socket (/var/run/docker.sock), for inferenced by docker exec: whoever may use it is root"},  \
    {.key = "sign_node", .type = GA_T_URL, .choices = "http:80|https:443",                                          \
     .help = "RPC that inferenced sends to (--node), as seen from where it runs; absent: the plugin's node"},       \
    {.key = "key", .type = GA_T_STRING, .help = "name or address of the cold key that signs (--from)"},             \
    {.key = "keyring_backend", .type = GA_T_ENUM, .choices = "file|os|test", .dflt = "file",                        \
     .help = "--keyring-backend"},                                                                                  \
    {.key = "keyring_dir", .type = GA_T_PATH, .flags = GA_READ | GA_WRITE,                                          \
     .help = "--keyring-dir: the folder that has keyring-file; absent: inferenced's own"},                          \
    {.key = "key_password", .type = GA_T_SECRET, .help = "password of the keyring"}
/* clang-format on */

/* How an attempt ended. */
enum ga_sign_end {
    GA_SIGN_SENT,    /* the node took it (code 0): not yet in a block; observe the chain for the effect */
    GA_SIGN_WRITTEN, /* offline: `text` is the unsigned transaction, `command` tells how to go on */
    GA_SIGN_REFUSED, /* certain that nothing was sent: the program is missing or its words were wrong, no such key,
                        wrong password, the node said no (code other than 0) */
    GA_SIGN_UNKNOWN, /* it may have been sent: killed at its deadline, cancelled, an answer that is none */
};

struct ga_signed {
    enum ga_sign_end end;
    char             hash[72];  /* transaction hash in upper-case hex; "" when not known */
    char            *text;      /* GA_SIGN_WRITTEN: the transaction, JSON; else NULL */
    char             why[1024]; /* a sentence for the other two: what was said, and the next step */
};

/* What is signed: `inferenced WORDS FLAGS`, for instance {"tx","gov","vote","12","yes",NULL} with
 * {"--unordered","--timeout-duration=60s","--gas=2000000","--gas-adjustment=5.0",NULL}. This file adds --from,
 * --keyring-backend, --keyring-dir, --node, --chain-id, --output json and --yes. */
struct ga_transaction {
    const char *const *words;
    const char *const *flags; /* NULL: none */
    const char        *node;  /* RPC for --node ("http://host:8000/chain-rpc/") */
    const char        *chain_id;
};

/*
 * The command as an operator would type it (quoted for a shell where needed, never with the password): for details of
 * acts, plans and hints. Returns buf; a text that does not fit ends in "...".
 */
char *ga_sign_command(struct ga_run *run, const struct ga_host *host, const struct ga_transaction *transaction,
                      char *buf, size_t len);

/*
 * Why the options do not allow signing ("sign: off …", "option inferenced is not given …") in `why`: -EINVAL; else 0.
 * Call before act(), so that plans say it, too.
 */
int ga_sign_check(struct ga_run *run, const struct ga_host *host, char *why, size_t len);

/* Signs and sends, or writes. To be called after act() said GA_ACT_DO. *ret is always filled; ga_signed_done() it. */
enum ga_sign_end ga_sign(struct ga_run *run, const struct ga_host *host, const struct ga_transaction *transaction,
                         struct ga_signed *ret);

void ga_signed_done(struct ga_signed *result);

/*
 * Asks the same inferenced without signing ("query …", "keys show …", "comet show-validator"): *ret_output gets what it
 * printed, to be freed. 0, or -EIO with a sentence in `why`. `with_password`: it asks for the keyring's.
 */
int ga_inferenced_ask(struct ga_run *run, const struct ga_host *host, const char *const *words, int with_password,
                      char **ret_output, char *why, size_t len);

/*
 * Is the option `key` the key of this account (gonka1...)? 0: it is. 1: it is another one's, and -1: it could not be
 * asked of inferenced; then with a sentence in `why`.
 */
int ga_sign_key_of(struct ga_run *run, const struct ga_host *host, const char *account, char *why, size_t len);

#endif
