/* prune.c: the task prune. */
#include "tasks.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "act.h"
#include "kit/json.h"
#include "kit/remove.h"
#include "kit/units.h"
#include "look.h"
#include "report.h"

/* A filesystem on which this run freed space, so that the next home on it knows in a dry run too. */
struct visited {
    dev_t    dev;
    ino_t    ino;
    uint64_t freed;
};

/* One run of the task. */
struct prune {
    struct ga_run        *run;
    const struct ga_host *host;
    struct bp_rules       rules;
    struct bp_acting      acting;
    struct visited       *visited; /* homes so far */
    size_t                n_visited;
    cJSON                *homes; /* report for scripts */
    FILE                 *text;  /* report for people */
    char                  trouble[1024];
    int                   outcome;
    size_t                kept;
    size_t                stay;
    size_t                doubtful;
    size_t                foreign;
};

static int
read_rules(struct prune *prune, const char ***ret_names)
{
    const struct ga_host *host = prune->host;
    struct ga_run        *run = prune->run;
    size_t                n = host->count(run, "may_lack");
    const char          **names = calloc(n + 1, sizeof(*names));

    if (!names)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        names[i] = host->str_at(run, "may_lack", i);
    prune->rules = (struct bp_rules){.keep = host->num(run, "keep"),
                                     .has_max_age = host->has(run, "max_age"),
                                     .max_age_ns = host->num(run, "max_age"),
                                     .has_min_free = host->has(run, "min_free"),
                                     .min_free = (uint64_t)host->num(run, "min_free"),
                                     .settle_ns = host->num(run, "settle"),
                                     .min_complete = host->num(run, "min_complete"),
                                     .accept_unseen = strcmp(host->str(run, "open_files"), "accept") == 0,
                                     .may_lack = names,
                                     .n_may_lack = n};
    prune->acting = (struct bp_acting){.run = run,
                                       .host = host,
                                       .rules = &prune->rules,
                                       .files_per_s = (uint64_t)host->num(run, "delete_rate"),
                                       .bytes_per_s = (uint64_t)host->num(run, "delete_bytes")};
    *ret_names = names;
    return 0;
}

/* --- one home ------------------------------------------------------------------------------------------------------
 */

/* Waits for the second look; -ECANCELED when the run ends meanwhile. */
static int
wait_between_looks(const struct prune *prune)
{
    int64_t         ns = prune->host->num(prune->run, "look_again");
    struct timespec wait = {.tv_sec = ns / BP_SECOND_NS, .tv_nsec = ns % BP_SECOND_NS};
    struct pollfd   cancel = {.fd = prune->host->cancel_fd(prune->run), .events = POLLIN};

    return ppoll(&cancel, 1, &wait, NULL) > 0 ? -ECANCELED : 0;
}

/* In a dry run the space that homes before this one would free counts as free. */
static void
credit(const struct prune *prune, struct bp_home *home)
{
    for (size_t i = 0; i < prune->n_visited && prune->host->dry_run(prune->run); i++)
        if (prune->visited[i].dev == home->dev)
            home->free += prune->visited[i].freed;
}

static int
look_and_plan(const struct prune *prune, const char *path, struct bp_home *home)
{
    struct bp_looking looking = {.cancel_fd = prune->host->cancel_fd(prune->run), .holders = 1};
    int               r;

    bp_open_home(path, home);
    for (size_t i = 0; i < prune->n_visited && home->sight == BP_SEEN; i++) {
        if (prune->visited[i].dev != home->dev || prune->visited[i].ino != home->ino)
            continue;
        home->sight = BP_REFUSED;
        (void)snprintf(home->sight_why, sizeof(home->sight_why), "it is the same folder as another of the homes");
    }
    r = bp_look_home(home, &looking);
    if (r < 0)
        return r;
    credit(prune, home);
    bp_plan_home(home, &prune->rules);
    return 0;
}

static int
has_work(const struct bp_home *home)
{
    for (size_t i = 0; i < home->n_tombs; i++)
        if (home->tombs[i].fate == BP_GOES)
            return 1;
    return bp_n_fated(home, BP_GOES) > 0;
}

/* Looks; when something would go, looks again a little later, and what differs is still growing. */
static int
look_twice(const struct prune *prune, const char *path, struct bp_home *ret)
{
    struct bp_home first;
    int            r = look_and_plan(prune, path, &first);

    if (r < 0 || !has_work(&first)) {
        *ret = first;
        return r;
    }
    r = wait_between_looks(prune);
    if (r < 0) {
        *ret = first;
        return r;
    }
    r = look_and_plan(prune, path, ret);
    if (r == 0) {
        bp_compare_looks(&first, ret);
        bp_plan_home(ret, &prune->rules);
    }
    bp_home_done(&first);
    return r;
}

static void
note_trouble(struct prune *prune, const struct bp_home *home)
{
    size_t len = strlen(prune->trouble);

    (void)snprintf(prune->trouble + len, sizeof(prune->trouble) - len, "%s%s: %s", len ? "; " : "", home->path,
                   home->why);
}

static void
count_up(struct prune *prune, const struct bp_home *home)
{
    prune->kept += bp_n_fated(home, BP_KEPT);
    for (size_t i = 0; i < home->n_copies; i++) {
        prune->stay += home->copies[i].fate == BP_STAYS;
        prune->doubtful += home->copies[i].verdict == BP_DOUBTFUL;
        prune->foreign += home->copies[i].verdict == BP_FOREIGN;
    }
    for (size_t i = 0; i < home->n_tombs; i++)
        prune->foreign += home->tombs[i].fate == BP_UNTOUCHED && home->tombs[i].verdict == BP_FOREIGN;
}

static void
report_home(struct prune *prune, const struct bp_home *home)
{
    int dry_run = prune->host->dry_run(prune->run);

    if (home->outcome > GA_CHANGED) {
        note_trouble(prune, home);
        prune->host->log(prune->run, GA_LOG_WARNING, "'%s' %s, %s", home->path, bp_outcome_name(home->outcome),
                         home->why);
    }
    for (size_t i = 0; i < home->n_copies; i++)
        if (home->copies[i].verdict == BP_DOUBTFUL || home->copies[i].verdict == BP_FOREIGN)
            prune->host->log(prune->run, GA_LOG_NOTICE, "'%s/%s' is left alone, %s", home->path, home->copies[i].shown,
                             home->copies[i].why);
    prune->outcome = bp_worse(prune->outcome, home->outcome);
    count_up(prune, home);
    bp_report_json(prune->homes, home, dry_run);
    bp_report_text(prune->text, home, dry_run);
}

static int
prune_home(struct prune *prune, const char *path)
{
    uint64_t       before = prune->acting.freed;
    struct bp_home home;
    int            r;

    prune->host->progress(prune->run, path, 0, 0);
    r = look_twice(prune, path, &home);
    if (r == 0) {
        bp_act_home(&home, &prune->acting);
        report_home(prune, &home);
        if (home.sight == BP_SEEN)
            prune->visited[prune->n_visited++] =
                (struct visited){.dev = home.dev, .ino = home.ino, .freed = prune->acting.freed - before};
    }
    bp_home_done(&home);
    return r;
}

/* --- the run -------------------------------------------------------------------------------------------------------
 */

static void
publish(struct prune *prune, char **text)
{
    cJSON *result = cJSON_CreateObject();
    char  *json;

    (void)cJSON_AddItemToObject(result, "homes", prune->homes);
    (void)ga_json_add_u64(result, "deleted", prune->acting.deleted);
    (void)ga_json_add_u64(result, "freed_bytes", prune->acting.freed);
    json = ga_json_print(result);
    cJSON_Delete(result);
    if (json)
        (void)prune->host->result(prune->run, json);
    free(json);
    (void)fflush(prune->text);
    prune->host->text(prune->run, *text);
    prune->host->metric(prune->run, "freed_bytes", (double)prune->acting.freed);
    prune->host->metric(prune->run, "copies_kept", (double)prune->kept);
    prune->host->metric(prune->run, "copies_doubtful", (double)prune->doubtful);
}

static int
conclude(struct prune *prune)
{
    const struct bp_acting *acting = &prune->acting;
    int                     dry_run = prune->host->dry_run(prune->run);
    char                    size[32];
    char                    what[160];

    (void)ga_format_size(acting->freed, size, sizeof(size));
    if (acting->deleted == 0)
        (void)snprintf(what, sizeof(what), "nothing deleted, freed 0 B");
    else
        (void)snprintf(what, sizeof(what), dry_run ? "%u cop%s would go and free %s" : "deleted %u cop%s, freed %s",
                       acting->deleted, acting->deleted == 1 ? "y" : "ies", size);
    return prune->host->end(prune->run, prune->outcome, "%s%s%s%s; %zu kept, %zu more good, %zu doubtful, %zu foreign",
                            prune->trouble, prune->trouble[0] ? "; " : "", what,
                            acting->stopped ? " (stopped, the next run goes on)" : "", prune->kept, prune->stay,
                            prune->doubtful, prune->foreign);
}

static int
prune_all(struct prune *prune)
{
    size_t n = prune->host->count(prune->run, "homes");
    int    r = 0;

    prune->visited = calloc(n + 1, sizeof(*prune->visited));
    if (!prune->visited)
        return -ENOMEM;
    for (size_t i = 0; i < n && r == 0 && !prune->acting.stopped; i++) {
        r = prune_home(prune, prune->host->str_at(prune->run, "homes", i));
        if (r == -ECANCELED) { /* before anything was done to this home */
            prune->acting.stopped = 1;
            prune->outcome = bp_worse(prune->outcome, GA_UNKNOWN);
            r = 0;
        }
    }
    free(prune->visited);
    return r;
}

int
bp_prune(struct ga_run *run, const struct ga_host *host)
{
    struct prune prune = {.run = run, .host = host, .outcome = GA_OK};
    const char **names = NULL;
    char        *text = NULL;
    size_t       text_len = 0;
    int          r = read_rules(&prune, &names);

    prune.homes = cJSON_CreateArray();
    prune.text = open_memstream(&text, &text_len);
    if (r < 0 || !prune.homes || !prune.text) {
        r = -ENOMEM;
        goto out;
    }
    if (host->num(run, "idle_io")) {
        r = ga_disk_idle();
        if (r < 0)
            host->log(run, GA_LOG_INFO, "disk priority cannot be lowered, going on: %s", strerrordesc_np(-r));
    }
    r = prune_all(&prune);
    if (r < 0)
        goto out;
    publish(&prune, &text);
    prune.homes = NULL;
    r = conclude(&prune);
out:
    cJSON_Delete(prune.homes);
    if (prune.text)
        (void)fclose(prune.text);
    free(text);
    free(names);
    return r < 0 ? host->end(run, GA_FAILED, "not enough memory, nothing more was deleted") : r;
}
