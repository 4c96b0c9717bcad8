/* act.c: carrying out the plan of one home. */
#include "act.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/json.h"
#include "kit/remove.h"
#include "kit/remove_walk.h"
#include "kit/units.h"
#include "look.h"

#define TOMB_NAME 256
#define TOMBS_MAX 100 /* of one name: each is what a run that died left */

/* One deletion under way. */
struct deed {
    struct bp_acting *acting;
    struct bp_home   *home;
    struct bp_copy   *copy;
    uint64_t          free_at_start;  /* when the home's first deletion began */
    uint64_t          freed_at_start; /* acting->freed then */
    char              object[BP_SHOWN + 4096];
};

static void deed_end(struct deed *deed, enum bp_fate fate, int outcome, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Notes how it ended for the copy and, when that is worse than what was before, for the home. */
static void
deed_end(struct deed *deed, enum bp_fate fate, int outcome, const char *format, ...)
{
    struct bp_home *home = deed->home;
    va_list         args;

    deed->copy->fate = fate;
    va_start(args, format);
    (void)vsnprintf(deed->copy->why, sizeof(deed->copy->why), format, args);
    va_end(args);
    if (outcome <= GA_CHANGED || bp_worse(home->outcome, outcome) == home->outcome)
        return;
    home->outcome = outcome;
    (void)snprintf(home->why, sizeof(home->why), "%.120s: %.250s", deed->copy->shown, deed->copy->why);
}

static int
is_same(const struct bp_home *home, const char *name, const struct bp_copy *copy)
{
    struct stat st;

    return fstatat(home->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) && st.st_ino == copy->ino &&
           st.st_dev == copy->dev;
}

/* --- before --------------------------------------------------------------------------------------------------------
 */

/* The world may have moved on since the last look: a deletion can take hours. 1 when the whole home must be left. */
static int
home_has_changed(struct deed *deed)
{
    struct bp_home *home = deed->home;

    bp_look_upgrade(home);
    if (home->upgrade != BP_UPGRADE_NONE) {
        deed_end(deed, BP_STAYS, home->upgrade == BP_UPGRADE_RUNNING ? GA_REFUSED : GA_UNKNOWN, "%s",
                 home->upgrade_why);
        return 1;
    }
    for (size_t i = 0; i < home->n_copies; i++) {
        if (home->copies[i].fate != BP_KEPT || is_same(home, home->copies[i].name, &home->copies[i]))
            continue;
        deed_end(deed, BP_STAYS, GA_REFUSED, "%.200s, which is to be kept, is gone meanwhile", home->copies[i].shown);
        return 1;
    }
    return 0;
}

/* 1 when this one need not go any more, or must not. */
static int
copy_has_changed(struct deed *deed)
{
    const struct bp_rules *rules = deed->acting->rules;
    struct bp_home        *home = deed->home;
    uint64_t               reckoned; /* some filesystems give space back only after a while */

    if (!is_same(home, deed->copy->name, deed->copy)) {
        deed_end(deed, BP_STUCK, GA_REFUSED, "something else has its name meanwhile");
        return 1;
    }
    if (!deed->copy->for_space || deed->acting->host->dry_run(deed->acting->run))
        return 0;
    bp_look_free(home);
    reckoned = deed->free_at_start + (deed->acting->freed - deed->freed_at_start);
    if (home->free < rules->min_free && reckoned < rules->min_free)
        return 0;
    deed_end(deed, BP_STAYS, GA_OK, "free space is above min_free now");
    return 1;
}

static int
ask(struct deed *deed, const char *verb)
{
    const struct bp_copy *copy = deed->copy;
    struct bp_home       *home = deed->home;
    cJSON                *details = cJSON_CreateObject();
    cJSON                *kept = cJSON_AddArrayToObject(details, "keeps");
    char                 *text;
    int                   answer;

    (void)cJSON_AddStringToObject(details, "why", copy->why);
    (void)ga_json_add_u64(details, "frees_bytes", copy->tree.frees);
    (void)ga_json_add_u64(details, "files", copy->tree.files);
    if (home->has_free)
        (void)ga_json_add_u64(details, "free_bytes", home->free);
    for (size_t i = 0; i < home->n_copies; i++)
        if (home->copies[i].fate == BP_KEPT)
            (void)cJSON_AddItemToArray(kept, cJSON_CreateString(home->copies[i].shown));
    text = ga_json_print(details);
    cJSON_Delete(details);
    (void)snprintf(deed->object, sizeof(deed->object), "%s/%s", home->path, copy->shown);
    answer = deed->acting->host->act(deed->acting->run, verb, deed->object, text);
    free(text);
    return answer;
}

/* --- the deletion --------------------------------------------------------------------------------------------------
 */

static void
tell_progress(void *context, const struct ga_removed *so_far)
{
    struct deed *deed = context;
    char         what[BP_SHOWN + 16];

    (void)snprintf(what, sizeof(what), "deleting %s", deed->copy->shown);
    deed->acting->host->progress(deed->acting->run, what, so_far->files, deed->copy->tree.files);
}

/*
 * Renames the copy to a free tombstone name, and proves that it is the one which was judged. The new name is on disk
 * before anything is deleted. 0, or -errno with the copy under its old name.
 */
static int
bury(const struct bp_home *home, const struct bp_copy *copy, char *tomb, size_t len)
{
    int r = -EEXIST;

    for (unsigned i = 0; r == -EEXIST && i < TOMBS_MAX; i++) {
        if (i == 0)
            (void)snprintf(tomb, len, "%s%s", BP_TOMBSTONE, copy->name);
        else
            (void)snprintf(tomb, len, "%s%s.%u", BP_TOMBSTONE, copy->name, i);
        r = renameat2(home->fd, copy->name, home->fd, tomb, RENAME_NOREPLACE) < 0 ? -errno : 0;
    }
    if (r < 0)
        return r;
    if (!is_same(home, tomb, copy)) {
        (void)renameat2(home->fd, tomb, home->fd, copy->name, RENAME_NOREPLACE);
        return -ESTALE;
    }
    return fsync(home->fd) < 0 ? -errno : 0;
}

/* Removes what lies under `tomb`, and looks whether it is gone. */
static void
empty_tomb(struct deed *deed, const char *tomb)
{
    struct bp_acting        *acting = deed->acting;
    struct ga_remove_options options = {.cancel_fd = acting->host->cancel_fd(acting->run),
                                        .max_files_per_s = acting->files_per_s,
                                        .max_bytes_per_s = acting->bytes_per_s,
                                        .progress = tell_progress,
                                        .context = deed};
    struct ga_removed        done;
    struct stat              st;
    char                     size[32];
    int                      r = ga_remove_tree(deed->home->fd, tomb, &options, &done);

    if (r == -ECANCELED) {
        acting->stopped = 1;
        deed_end(deed, BP_STUCK, GA_CHANGED, "stopped after %llu files, the next run goes on",
                 (unsigned long long)done.files);
    } else if (r == -ENOTEMPTY) {
        deed_end(deed, BP_STUCK, GA_FAILED, "%llu entries stay in %.60s, the first is '%.100s': %s",
                 (unsigned long long)done.left, tomb, done.where, strerrordesc_np(-done.error));
    } else if (r < 0 && r != -ENOENT) {
        deed_end(deed, BP_STUCK, GA_FAILED, "cannot be removed: %s", strerrordesc_np(-r));
    } else if (fstatat(deed->home->fd, tomb, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        deed_end(deed, BP_STUCK, GA_FAILED, "something is still there under %.100s", tomb);
    } else {
        (void)fsync(deed->home->fd); /* the rename is on disk: a name that comes back is only a tombstone again */
        acting->freed += deed->copy->tree.frees;
        acting->deleted++;
        deed_end(deed, BP_GONE, GA_CHANGED, "deleted: %llu files, %s", (unsigned long long)done.files,
                 ga_format_size(deed->copy->tree.frees, size, sizeof(size)));
    }
    acting->host->acted(acting->run, deed->copy->fate == BP_GONE, deed->copy->why);
}

/* Asks, buries (unless `tomb` is one already) and removes. 1 when the home's other copies may be tried too. */
static int
delete_one(struct deed *deed, const char *verb, int is_tomb)
{
    struct bp_acting *acting = deed->acting;
    char              tomb[TOMB_NAME];
    int               r = 0;

    switch (ask(deed, verb)) {
    case GA_ACT_DRY:
        acting->freed += deed->copy->tree.frees;
        acting->deleted++;
        return 1; /* the fate stays: it goes */
    case GA_ACT_DO:
        break;
    default:
        deed_end(deed, BP_STUCK, GA_REFUSED, "%s", acting->host->act_why(acting->run));
        return 0;
    }
    if (is_tomb)
        (void)snprintf(tomb, sizeof(tomb), "%s", deed->copy->name);
    else
        r = bury(deed->home, deed->copy, tomb, sizeof(tomb));
    if (r < 0) {
        deed_end(deed, BP_STUCK, GA_FAILED, "cannot be renamed to a tombstone: %s", strerrordesc_np(-r));
        acting->host->acted(acting->run, 0, deed->copy->why);
        return 0;
    }
    empty_tomb(deed, tomb);
    return !acting->stopped;
}

/* When space was short, is it now? The plan could only reckon. */
static void
look_at_shortage(struct bp_home *home, const struct bp_acting *acting)
{
    if (home->short_of == 0 || home->outcome != GA_REFUSED || acting->host->dry_run(acting->run))
        return;
    bp_look_free(home);
    if (!home->has_free || home->free < acting->rules->min_free)
        return;
    home->outcome = GA_CHANGED;
    home->short_of = 0;
    home->why[0] = '\0';
}

void
bp_act_home(struct bp_home *home, struct bp_acting *acting)
{
    struct deed deed = {.acting = acting, .home = home, .free_at_start = home->free, .freed_at_start = acting->freed};
    int         go_on = !home->left_alone;
    unsigned    before = acting->deleted;

    for (size_t i = 0; i < home->n_tombs && go_on; i++) {
        deed.copy = &home->tombs[i];
        if (deed.copy->fate == BP_GOES)
            go_on = !home_has_changed(&deed) && delete_one(&deed, "resume-delete", 1);
    }
    for (size_t i = home->n_copies; i-- > 0 && go_on;) {
        deed.copy = &home->copies[i];
        if (deed.copy->fate != BP_GOES)
            continue;
        go_on = !home_has_changed(&deed);
        if (go_on && !copy_has_changed(&deed))
            go_on = delete_one(&deed, "delete-backup", 0);
    }
    if (!go_on)
        for (size_t i = 0; i < home->n_copies; i++)
            if (home->copies[i].fate == BP_GOES) {
                home->copies[i].fate = BP_STAYS;
                (void)snprintf(home->copies[i].why, sizeof(home->copies[i].why), "not reached in this run");
            }
    if (acting->deleted == before && home->outcome == GA_CHANGED && !acting->stopped)
        home->outcome = GA_OK; /* none needed to go after all */
    look_at_shortage(home, acting);
}
