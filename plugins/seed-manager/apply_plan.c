/* apply_plan.c: what config.env and config.toml hold, and what they are to hold. Writes nothing. */
#include "plugins/seed-manager/apply_files.h"

#include "plugins/seed-manager/diff.h"
#include "plugins/seed-manager/edit_env.h"
#include "plugins/seed-manager/edit_toml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KEY_API "SEED_API_URL"
#define KEY_RPC "SEED_NODE_RPC_URL"
#define KEY_P2P "SEED_NODE_P2P_URL"
#define KEY_SEEDS "seeds"
#define KEY_PEERS "persistent_peers"
#define TABLE "p2p"
#define HIDDEN "(a line that is not shown)\n"

static struct edit_text
text_of(const struct place_file *file)
{
    return (struct edit_text){.name = file->path, .data = file->data, .len = file->len};
}

int
apply_value(const struct place_file *file, enum place_which which, const char *key, char **ret, char *why)
{
    struct edit_text text = text_of(file);
    int              r;

    *ret = NULL;
    r = which == PLACE_ENV ? edit_env_get(&text, &key, 1, ret, why) : edit_toml_get(&text, TABLE, key, ret, why);
    return r < 0 ? GA_REFUSED : GA_OK;
}

/* The keys of `which` alone are set, to their old or new values. */
int
apply_set(const struct place_file *file, enum place_which which, const struct apply_key *keys, size_t n, int old,
          struct edit_bytes *out, char *why)
{
    struct edit_text   text = text_of(file);
    struct env_change  env[APPLY_KEYS_MAX];
    struct toml_change toml[APPLY_KEYS_MAX];
    size_t             used = 0;
    int                r;

    for (size_t i = 0; i < n && used < APPLY_KEYS_MAX; i++) {
        const char *value = old ? keys[i].old_value : keys[i].new_value;

        if (keys[i].which != which)
            continue;
        env[used] = (struct env_change){.key = keys[i].key, .value = value ? value : ""};
        toml[used] = (struct toml_change){.key = keys[i].key, .value = value ? value : ""};
        used++;
    }
    if (which == PLACE_ENV)
        r = edit_env_set(&text, env, used, out, why);
    else
        r = edit_toml_set(&text, TABLE, toml, used, out, why);
    return r < 0 ? GA_REFUSED : GA_OK;
}

/* --- what is configured --------------------------------------------------------------------------------------------
 */

static int
read_toml(const struct place *place, struct apply_files *files, char *why)
{
    struct apply_edit *edit = &files->edit[PLACE_TOML];
    int                r = place_read(place, PLACE_TOML, &edit->file, why);

    if (r == GA_UNKNOWN && !place->initialized)
        return GA_OK; /* the node's first start makes it, out of config.env */
    if (r != GA_OK)
        return r;
    edit->there = 1;
    r = apply_value(&edit->file, PLACE_TOML, KEY_SEEDS, &files->seeds, why);
    return r == GA_OK ? apply_value(&edit->file, PLACE_TOML, KEY_PEERS, &files->peers, why) : r;
}

int
apply_files_read(const struct place *place, struct apply_files *ret, char *why)
{
    struct apply_edit *edit = &ret->edit[PLACE_ENV];
    int                r;

    memset(ret, 0, sizeof(*ret));
    r = place_read(place, PLACE_ENV, &edit->file, why);
    edit->there = r == GA_OK;
    if (r == GA_OK)
        r = apply_value(&edit->file, PLACE_ENV, KEY_API, &ret->api_url, why);
    if (r == GA_OK)
        r = apply_value(&edit->file, PLACE_ENV, KEY_RPC, &ret->rpc_url, why);
    if (r == GA_OK)
        r = apply_value(&edit->file, PLACE_ENV, KEY_P2P, &ret->p2p_url, why);
    return r == GA_OK ? read_toml(place, ret, why) : r;
}

void
apply_files_done(struct apply_files *files)
{
    for (int i = 0; i < PLACE_FILES; i++) {
        place_file_done(&files->edit[i].file);
        edit_bytes_free(&files->edit[i].after);
        edit_bytes_free(&files->edit[i].diff);
    }
    free(files->api_url);
    free(files->rpc_url);
    free(files->p2p_url);
    free(files->seeds);
    free(files->peers);
    memset(files, 0, sizeof(*files));
}

/* --- the diff ------------------------------------------------------------------------------------------------------
 */

/* Whether a line of a diff sets one of the three variables, to something without a password in it. */
static int
may_be_shown(const char *line, size_t len)
{
    static const char *const keys[] = {KEY_API, KEY_RPC, KEY_P2P};
    size_t                   at = 1;

    if (memchr(line, '@', len))
        return 0; /* http://user:password@host */
    while (at < len && (line[at] == ' ' || line[at] == '\t'))
        at++;
    if (len - at > 7 && strncmp(line + at, "export ", 7) == 0)
        at += 7;
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        size_t n = strlen(keys[i]);

        if (len - at > n && strncmp(line + at, keys[i], n) == 0 && line[at + n] == '=')
            return 1;
    }
    return 0;
}

/* Copies a diff of config.env without the lines that may hold secrets: a last line that got its line end, say. */
static void
put_shown(struct edit_bytes *out, const struct edit_bytes *diff)
{
    size_t at = 0;
    int    in_hunk = 0;

    while (at < diff->len) {
        const char *line = diff->data + at;
        const char *end = memchr(line, '\n', diff->len - at);
        size_t      len = end ? (size_t)(end - line) + 1 : diff->len - at;

        in_hunk = in_hunk || line[0] == '@';
        if (in_hunk && (line[0] == '+' || line[0] == '-' || line[0] == ' ') && !may_be_shown(line, len)) {
            edit_bytes_put(out, line, 1);
            edit_bytes_text(out, HIDDEN);
        } else {
            edit_bytes_put(out, line, len);
        }
        at += len;
    }
}

static int
make_diff(struct apply_edit *edit, enum place_which which, char *why)
{
    const struct diff_options options = {.context = which == PLACE_ENV ? 0 : 2, .max = APPLY_DIFF_MAX};
    struct edit_text          before = text_of(&edit->file);
    struct edit_text          after = {.name = edit->file.path, .data = edit->after.data, .len = edit->after.len};
    struct edit_bytes         whole = {.len = 0};
    int                       r = diff_unified(&before, &after, &options, &whole, why);

    if (r >= 0 && which == PLACE_ENV)
        put_shown(&edit->diff, &whole);
    else if (r >= 0)
        edit_bytes_put(&edit->diff, whole.data ? whole.data : "", whole.len);
    edit_bytes_free(&whole);
    return r < 0 || edit->diff.failed ? GA_FAILED : GA_OK;
}

/* --- what is to be -------------------------------------------------------------------------------------------------
 */

/* Notes a variable unless it is as wanted already. */
static int
want(struct apply_state *state, enum place_which which, const char *key, const char *now, const char *wanted, char *why)
{
    if ((now && strcmp(now, wanted) == 0) || apply_state_add_key(state, which, key, now, wanted) == 0)
        return GA_OK;
    (void)snprintf(why, EDIT_WHY_MAX, "no memory for the new value of %s", key);
    return GA_FAILED;
}

static int
want_all(const struct apply_files *files, const struct choose_choice *choice, struct apply_state *state, char *why)
{
    char p2p_url[CHOOSE_P2P_MAX];
    int  r = GA_OK;

    (void)snprintf(p2p_url, sizeof(p2p_url), "tcp://%s", choice->first.address);
    if (choice->has_first)
        r = want(state, PLACE_ENV, KEY_API, files->api_url, choice->first.api, why);
    if (r == GA_OK && choice->has_first)
        r = want(state, PLACE_ENV, KEY_RPC, files->rpc_url, choice->first.rpc, why);
    if (r == GA_OK && choice->has_first)
        r = want(state, PLACE_ENV, KEY_P2P, files->p2p_url, p2p_url, why);
    if (r == GA_OK && files->edit[PLACE_TOML].there)
        r = want(state, PLACE_TOML, KEY_SEEDS, files->seeds, choice->seeds, why);
    if (r == GA_OK && files->edit[PLACE_TOML].there && choice->peers)
        r = want(state, PLACE_TOML, KEY_PEERS, files->peers, choice->peers, why);
    return r;
}

/* The names of the copy and of what is written aside are unlike any other's, so nothing is ever overwritten. */
static void
name_files(const struct apply_edit *edit, int64_t now_ns, struct apply_file *file)
{
    time_t    now = (time_t)(now_ns / INT64_C(1000000000));
    struct tm tm = {.tm_sec = 0};
    char      stamp[32] = "";

    (void)gmtime_r(&now, &tm);
    (void)strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
    (void)snprintf(file->copy, sizeof(file->copy), "%.60s.seeds-%s", edit->file.name, stamp);
    (void)snprintf(file->aside, sizeof(file->aside), ".%.60s.seeds-new-%s", edit->file.name, stamp);
    (void)snprintf(file->was, sizeof(file->was), "%s", edit->file.digest);
    place_digest(edit->after.data, edit->after.len, file->becomes);
    file->used = 1;
}

static int
plan_file(struct apply_edit *edit, enum place_which which, int64_t now_ns, struct apply_state *state, char *why)
{
    int r = place_writable(&edit->file, why);

    if (r == GA_OK)
        r = apply_set(&edit->file, which, state->keys, state->n_keys, 0, &edit->after, why);
    if (r == GA_OK)
        r = make_diff(edit, which, why);
    if (r == GA_OK)
        name_files(edit, now_ns, &state->files[which]);
    return r;
}

int
apply_files_plan(struct apply_files *files, const struct choose_choice *choice, int64_t now_ns,
                 struct apply_state *state, char *why)
{
    int r = want_all(files, choice, state, why);

    for (size_t i = 0; i < state->n_keys && r == GA_OK; i++) {
        enum place_which which = state->keys[i].which;

        if (!state->files[which].used)
            r = plan_file(&files->edit[which], which, now_ns, state, why);
    }
    return r;
}
