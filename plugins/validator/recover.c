/* recover.c: checks and steps. */
#include "plugins/validator/recover.h"

#include "plugins/validator/judge.h"

#include "kit/when.h"

#include <gonka-agent/plugin.h>

#include <stdarg.h>
#include <string.h>

#define WORD 1100

const char *
val_light_name(enum val_light light)
{
    static const char *const names[] = {
        [VAL_LIGHT_OK] = "ok", [VAL_LIGHT_WARN] = "warn", [VAL_LIGHT_UNKNOWN] = "unknown", [VAL_LIGHT_NO] = "no"};

    return names[light];
}

int
val_checks_verdict(const struct val_checks *checks)
{
    int verdict = GA_OK;

    for (size_t i = 0; i < checks->n; i++) {
        if (checks->list[i].light == VAL_LIGHT_NO)
            return GA_REFUSED;
        if (checks->list[i].light == VAL_LIGHT_UNKNOWN)
            verdict = GA_UNKNOWN;
    }
    return verdict;
}

char *
val_quote(const char *word, char *buf, size_t len)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-";
    size_t            used = 0;

    if (*word && strspn(word, plain) == strlen(word)) {
        (void)snprintf(buf, len, "%s", word);
        return buf;
    }
    if (len < 8) {
        buf[0] = '\0';
        return buf;
    }
    buf[used++] = '\'';
    for (; *word && used + 6 < len; word++) {
        if (*word == '\'') {
            memcpy(buf + used, "'\\''", 4);
            used += 4;
        } else {
            buf[used++] = *word;
        }
    }
    buf[used++] = '\'';
    buf[used] = '\0';
    return buf;
}

__attribute__((format(printf, 3, 4))) static void
check(struct val_checks *checks, enum val_light light, const char *format, ...)
{
    struct val_check *entry = &checks->list[checks->n];
    va_list           list;

    if (checks->n == VAL_CHECKS_MAX)
        return;
    checks->n++;
    entry->light = light;
    va_start(list, format);
    (void)vsnprintf(entry->text, sizeof(entry->text), format, list);
    va_end(list);
}

/* --- checks --------------------------------------------------------------------------------------------------------
 */

static void
check_fees(const struct val_seen *seen, struct val_checks *ret)
{
    char shown[GA_AMOUNT_MAX];
    char why[160];

    if (seen->balance_item.known != VAL_KNOWN)
        check(ret, VAL_LIGHT_WARN, "what the account holds is not known: %.500s", seen->balance_item.why);
    else
        check(ret, VAL_LIGHT_OK, "the account holds %s",
              ga_amount_show_short(seen->balance, shown, sizeof(shown), why, sizeof(why)) == 0 ? shown : "?");
}

static void
check_registered(const struct val_seen *seen, struct val_checks *ret)
{
    if (seen->participant_item.known == VAL_KNOWN)
        check(ret, VAL_LIGHT_OK, "the account is a participant with the URL %s",
              *seen->participant.url ? seen->participant.url : "(none)");
    else if (seen->participant_item.known == VAL_ABSENT)
        check(ret, VAL_LIGHT_NO, "the account is no participant of the network: is the option account right?");
    else
        check(ret, VAL_LIGHT_UNKNOWN, "whether the account is a participant: %.500s", seen->participant_item.why);
}

void
val_check_consensus(const struct val_seen *seen, struct val_checks *ret)
{
    char          why[VAL_WHY];
    enum val_keys keys = val_compare_keys(seen, why);

    ret->n = 0;
    check_registered(seen, ret);
    if (keys == VAL_KEYS_UNKNOWN)
        check(ret, VAL_LIGHT_UNKNOWN, "%s", why);
    else if (keys == VAL_KEYS_SAME)
        check(ret, VAL_LIGHT_NO, "%s: nothing is lost, do not register another one", why);
    else if (keys == VAL_KEYS_PENDING)
        check(ret, VAL_LIGHT_NO, "%s: it is registered already", why);
    else if (keys == VAL_KEYS_SELF)
        check(ret, VAL_LIGHT_NO, "%s: restart the node first, else the wrong key is registered", why);
    else
        check(ret, VAL_LIGHT_OK, "%s", why);
    if (seen->node_item.known == VAL_KNOWN && !seen->node_good)
        check(ret, VAL_LIGHT_WARN, "this host's node is not in step: %.500s", seen->node_item.why);
    check_fees(seen, ret);
}

void
val_check_warm(const struct val_seen *seen, struct val_checks *ret)
{
    char when[64];

    ret->n = 0;
    check_registered(seen, ret);
    if (!seen->grants_item.wanted)
        check(ret, VAL_LIGHT_WARN, "the option warm is not set: what the old key may do was not looked at");
    else if (seen->grants_item.known == VAL_KNOWN && seen->grants.n > 0)
        check(ret, VAL_LIGHT_WARN,
              "the key of the option warm has %zu permissions, the first ends %s: if it is the lost one, revoke them "
              "afterwards; if it is not lost, only grant anew (step 4)",
              seen->grants.n, ga_when_show(seen->grants.first_ns, seen->now_ns, when, sizeof(when)));
    else if (seen->grants_item.known == VAL_UNKNOWN)
        check(ret, VAL_LIGHT_WARN, "what the key of the option warm may do is not known: %.500s",
              seen->grants_item.why);
    else
        check(ret, VAL_LIGHT_OK, "the key of the option warm has no permissions");
    check_fees(seen, ret);
}

/* --- steps ---------------------------------------------------------------------------------------------------------
 */

static const char *
folder(const struct val_site *site, char *buf, size_t len)
{
    return site->deploy_dir ? val_quote(site->deploy_dir, buf, len) : "DEPLOY_DIR";
}

void
val_print_consensus(FILE *out, const struct val_seen *seen, const struct val_site *site)
{
    char        where[WORD];
    char        url[WORD];
    char        key[WORD];
    char        node[WORD];
    const char *public_url = *seen->participant.url ? val_quote(seen->participant.url, url, sizeof(url)) : "PUBLIC_URL";
    const char *cold = site->key ? val_quote(site->key, key, sizeof(key)) : "COLD_KEY_NAME";
    const char *public_key = *seen->log_key ? seen->log_key : *seen->node_key ? seen->node_key : "PUBLIC_KEY";

    (void)folder(site, where, sizeof(where));
    (void)fprintf(
        out,
        "1. Is there a copy of .tmkms/secrets? Then put it back and stop here. Never let two signers run with\n"
        "   one key, and never put back an old .tmkms/state: two signatures for one height are the end of it.\n"
        "2. Keep what is there:\n"
        "     cd %s && sudo cp -a .tmkms .tmkms-$(date -u +%%Y%%m%%dT%%H%%M%%SZ)\n"
        "3. Start the signer, which makes a key where none is, then the node, which asks for it:\n"
        "     cd %s && . ./config.env && docker compose up -d %s && docker compose restart node\n"
        "4. Read the public key in two places; they must be the same:\n"
        "     cd %s && docker compose logs %s | grep PubKey\n"
        "     curl -s http://127.0.0.1:8000/chain-rpc/status | jq -r .result.validator_info.pub_key.value\n",
        site->deploy_dir ? where : "DEPLOY_DIR", site->deploy_dir ? where : "DEPLOY_DIR", site->container,
        site->deploy_dir ? where : "DEPLOY_DIR", site->container);
    (void)fprintf(out,
                  "   now: %s\n"
                  "5. Register it, where the cold key is (older releases reset the participant's statistics by this):\n"
                  "     inferenced tx inference submit-new-participant %s --validator-key %s --keyring-backend %s "
                  "--unordered --from %s --timeout-duration 1m --node %s --chain-id %s\n"
                  "6. It counts from the next choice of validators on (set_new_validators). Then look:\n"
                  "     gonka-agent run validator watch\n"
                  "7. If it is jailed:\n"
                  "     gonka-agent run validator unjail\n",
                  public_key, public_url, public_key, site->backend, cold, val_quote(site->node, node, sizeof(node)),
                  site->chain_id);
}

void
val_print_warm(FILE *out, const struct val_seen *seen, const struct val_site *site)
{
    char        where[WORD];
    char        key[WORD];
    char        node[WORD];
    const char *cold = site->key ? val_quote(site->key, key, sizeof(key)) : "COLD_KEY_NAME";
    const char *deploy = folder(site, where, sizeof(where));

    (void)val_quote(site->node, node, sizeof(node));
    (void)fprintf(out,
                  "1. Stop what signs with it (nothing else):\n"
                  "     cd %s && docker compose down api --no-deps\n"
                  "2. Choose a name for the new key and write it into config.env (KEY_NAME=...).\n"
                  "3. Make the key, and note its address:\n"
                  "     cd %s && . ./config.env && docker compose run --rm --no-deps -it api /bin/sh\n"
                  "     printf '%%s\\n%%s\\n' \"$KEYRING_PASSWORD\" \"$KEYRING_PASSWORD\" | inferenced keys add "
                  "\"$KEY_NAME\" --keyring-backend file\n",
                  deploy, deploy);
    (void)fprintf(out,
                  "4. Where the cold key of %s is (a client of 0.2.9 or later knows today's list of messages):\n"
                  "     inferenced tx inference grant-ml-ops-permissions %s %s --from %s --keyring-backend %s --gas "
                  "2000000 --node %s --chain-id %s\n"
                  "5. Start again:\n"
                  "     cd %s && . ./config.env && docker compose up -d\n"
                  "6. Set the option warm to the new address, then look:\n"
                  "     gonka-agent run validator watch\n",
                  seen->account, cold, site->warm ? site->warm : "WARM_ADDRESS", cold, site->backend, node,
                  site->chain_id, deploy);
}
