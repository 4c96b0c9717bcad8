/* reseed_check.c: what must hold before a node's data is moved out of its way. */
#include "plugins/seed-manager/reseed.h"

#include "plugins/seed-manager/apply_task.h"

#include "kit/chain.h"
#include "kit/chain_options.h"
#include "kit/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int say(struct reseed *reseed, int outcome, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int
say(struct reseed *reseed, int outcome, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(reseed->why, sizeof(reseed->why), format, args);
    va_end(args);
    return outcome;
}

/* --- this host -----------------------------------------------------------------------------------------------------
 */

static int
check_folders(struct reseed *reseed)
{
    const struct place *place = &reseed->place;
    struct stat         st;

    if (!place->initialized)
        return say(reseed, GA_REFUSED,
                   "the node never started: there is nothing to re-initialise, its first start takes config.env; "
                   "`apply` is enough");
    if (place->signs_itself)
        return say(reseed, GA_REFUSED,
                   ".inference/config/priv_validator_key.json is there: this node signs without tmkms, and its memory "
                   "of what it signed lies in data; moving that risks double signing and the loss of the stake");
    if (fstatat(place->home_fd, RESEED_DATA, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return say(reseed, errno == ENOENT ? GA_REFUSED : GA_UNKNOWN, "%.300s/.inference/data cannot be found: %s",
                   place->deploy_dir, strerrordesc_np(errno));
    if (!S_ISDIR(st.st_mode))
        return say(reseed, GA_REFUSED, "%.300s/.inference/data is a symlink or no folder: re-initialise by hand",
                   place->deploy_dir);
    reseed->state.dev = (uint64_t)st.st_dev;
    reseed->state.ino = (uint64_t)st.st_ino;
    return GA_OK;
}

/* No half-made change of the files may be under way. */
static int
check_apply(struct reseed *reseed)
{
    struct apply_state state;
    int                r = apply_state_load(reseed->run, reseed->host, &state, reseed->why);

    if (r == GA_OK && (state.stage == APPLY_WRITING || state.stage == APPLY_UNDOING))
        r = say(reseed, GA_REFUSED, "a change of the seeds was cut off: run `apply`, which finishes or clears it");
    apply_state_done(&state);
    return r;
}

/* A node that does its work loses hours for nothing. One that is silent may well have been stopped for this. */
static int
check_node(struct reseed *reseed)
{
    const struct watch_look *look = &reseed->look;

    if (watch_ask(reseed->run, reseed->host, reseed->now_ns, &reseed->look) != GA_OK)
        return say(reseed, GA_REFUSED, "%s", look->why);
    if (look->answered && !look->catching_up && look->health.has_lag &&
        look->health.lag <= reseed->host->num(reseed->run, "max_lag"))
        return say(reseed, GA_REFUSED,
                   "the node is in sync: its seeds can be changed without losing its data, `apply` does that");
    return GA_OK;
}

/* --- where the new data comes from ---------------------------------------------------------------------------------
 */

/* Whether a node answers at `rpc`, is on the chain and in sync. */
static int
check_rpc(struct reseed *reseed, const char *what, const char *rpc)
{
    struct ga_chain_source source;
    struct ga_chain_status status;
    struct ga_chain_error  error = {.why = GA_CHAIN_OK};
    const char            *chain_id = reseed->host->str(reseed->run, "chain_id");

    if (ga_chain_source_direct(&source, what, rpc, NULL, &error) != GA_CHAIN_OK)
        return say(reseed, GA_REFUSED, "%.400s", error.text);
    source.cancel_fd = reseed->host->cancel_fd(reseed->run);
    source.total_ms = (int)(reseed->host->num(reseed->run, "ask_timeout") / INT64_C(1000000));
    if (ga_chain_status(&source, &status, &error) != GA_CHAIN_OK)
        return say(reseed, GA_UNKNOWN, "no data could be fetched, so none is moved: %.400s", error.text);
    if (chain_id && *chain_id && strcmp(status.chain_id, chain_id) != 0)
        return say(reseed, GA_REFUSED, "%s is on another chain than chain_id says", what);
    if (status.catching_up)
        return say(reseed, GA_REFUSED, "%s is still syncing itself: nothing is moved", what);
    return GA_OK;
}

/* State sync asks two RPC servers of config.env; the node cannot sync without them. */
static int
check_servers(struct reseed *reseed, const struct apply_files *files)
{
    static const char *const keys[] = {"RPC_SERVER_URL_1", "RPC_SERVER_URL_2"};
    int                      r = GA_OK;

    for (size_t i = 0; i < 2 && r == GA_OK; i++) {
        char *url = NULL;

        r = apply_value(&files->edit[PLACE_ENV].file, PLACE_ENV, keys[i], &url, reseed->why);
        if (r == GA_OK && url && *url)
            r = check_rpc(reseed, keys[i], url);
        free(url);
    }
    return r;
}

static int
check_seeds(struct reseed *reseed, struct apply_files *files, struct choose_choice *choice)
{
    const struct choose_rules rules = {.own_id = reseed->look.own_id,
                                       .write_seeds = (size_t)reseed->host->num(reseed->run, "write_seeds"),
                                       .min_replacements = (size_t)reseed->host->num(reseed->run, "min_replacements")};
    struct choose_survey      survey;
    int                       r = apply_survey_load(reseed->run, reseed->host, reseed->now_ns, &survey, reseed->why);

    if (r == GA_OK)
        r = apply_files_read(&reseed->place, files, reseed->why);
    if (r == GA_OK) {
        r = choose_seeds(&survey, NULL, files->seeds ? files->seeds : "", "", &rules, choice, reseed->why);
        r = r == 0 ? GA_OK : r > 0 ? GA_REFUSED : GA_FAILED;
    }
    choose_survey_done(&survey);
    return r;
}

int
reseed_check(struct reseed *reseed, struct apply_files *files, struct choose_choice *choice)
{
    int r = check_folders(reseed);

    if (r == GA_OK)
        r = check_apply(reseed);
    if (r == GA_OK)
        r = check_node(reseed);
    if (r == GA_OK)
        r = check_seeds(reseed, files, choice);
    if (r == GA_OK)
        r = check_rpc(reseed, "the best seed", choice->first.rpc);
    return r == GA_OK ? check_servers(reseed, files) : r;
}

/* --- the seeds -----------------------------------------------------------------------------------------------------
 */

static int
write_planned(struct reseed *reseed, const struct apply_job *job, struct apply_files *files)
{
    struct edit_bytes diff = {.len = 0};
    cJSON            *json = cJSON_CreateObject();
    char             *text;
    int               answer;
    int               r;

    for (int i = 0; i < PLACE_FILES; i++)
        if (files->edit[i].diff.data)
            edit_bytes_text(&diff, files->edit[i].diff.data);
    (void)cJSON_AddStringToObject(json, "why", "the node is to be re-initialised from these seeds");
    (void)cJSON_AddStringToObject(json, "diff", diff.data ? diff.data : "");
    text = ga_json_print(json);
    cJSON_Delete(json);
    edit_bytes_free(&diff);
    answer = reseed->host->act(reseed->run, "change-seeds", reseed->place.deploy_dir, text);
    free(text);
    if (answer == GA_ACT_DRY)
        return GA_OK;
    if (answer != GA_ACT_DO)
        return say(reseed, GA_REFUSED, "%.400s", reseed->host->act_why(reseed->run));
    r = apply_files_write(job, files, reseed->why);
    reseed->host->acted(reseed->run, r == GA_OK, r == GA_OK ? "the files hold the new seeds" : reseed->why);
    return r;
}

int
reseed_write_seeds(struct reseed *reseed, struct apply_files *files, const struct choose_choice *choice)
{
    struct apply_state state;
    struct apply_job   job = {.run = reseed->run, .host = reseed->host, .place = &reseed->place, .state = &state};
    int                r = apply_state_load(reseed->run, reseed->host, &state, reseed->why);

    apply_state_forget(&state); /* a change that is watched has no more to say: the node begins anew */
    if (r == GA_OK)
        r = apply_files_plan(files, choice, reseed->now_ns, &state, reseed->why);
    if (r == GA_OK && state.n_keys > 0)
        r = write_planned(reseed, &job, files);
    if (r == GA_OK) {
        apply_state_forget(&state);
        r = apply_state_store(reseed->run, reseed->host, &state, reseed->why);
    }
    apply_state_done(&state);
    return r;
}
