/* judge.c: is a copy good? */
#include "model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/remove_walk.h"
#include "kit/units.h"

static int verdict(struct bp_copy *copy, enum bp_verdict value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Notes a verdict with its reason. Always 1, so that a check can end with it. */
static int
verdict(struct bp_copy *copy, enum bp_verdict value, const char *format, ...)
{
    va_list args;

    copy->verdict = value;
    va_start(args, format);
    (void)vsnprintf(copy->why, sizeof(copy->why), format, args);
    va_end(args);
    return 1;
}

/* What cosmovisor would never make. */
static int
is_foreign(const struct bp_home *home, struct bp_copy *copy)
{
    if (!copy->has_date)
        return verdict(copy, BP_FOREIGN, "its name holds no date (expected data-backup-Y-M-D, or that with a suffix)");
    switch (copy->kind) {
    case BP_KIND_FILE:
        return verdict(copy, BP_FOREIGN, "it is a file, not a folder");
    case BP_KIND_LINK:
        return verdict(copy, BP_FOREIGN, "it is a symlink, and links are not followed");
    case BP_KIND_MOUNT:
        return verdict(copy, BP_FOREIGN, "it is a mount point, and mounts are not entered");
    case BP_KIND_UNSEEN:
        return verdict(copy, BP_DOUBTFUL, "it cannot be looked at: %s", strerrordesc_np(-copy->tree.error));
    case BP_KIND_FOLDER:
        break;
    }
    if (copy->uid != home->uid)
        return verdict(copy, BP_FOREIGN, "it belongs to user %u, its home to user %u", copy->uid, home->uid);
    return 0;
}

/* Signs that somebody works in it right now. They come first: they speak for the whole home. */
static int
is_busy(const struct bp_home *home, const struct bp_rules *rules, struct bp_copy *copy)
{
    int64_t quiet = home->now_ns - copy->tree.newest_ns;
    char    text[64];

    if (copy->differs)
        return verdict(copy, BP_CHANGING, "it changed while it was looked at");
    if (quiet < rules->settle_ns && quiet > -BP_DAY_NS)
        return verdict(copy, BP_CHANGING, "it changed %s ago and must be quiet for longer (option settle)",
                       ga_format_duration(quiet < 0 ? 0 : quiet / BP_SECOND_NS * BP_SECOND_NS, text, sizeof(text)));
    if (copy->tree.open == BP_OPEN_YES)
        return verdict(copy, BP_IN_USE, "%s", copy->tree.open_why);
    return 0;
}

/* Things about the copy itself that do not let it count. */
static int
is_odd(const struct bp_home *home, const struct bp_rules *rules, struct bp_copy *copy)
{
    const struct bp_tree *tree = &copy->tree;

    if (tree->error)
        return verdict(copy, BP_DOUBTFUL, "'%s' in it cannot be read: %s", tree->where, strerrordesc_np(-tree->error));
    if (tree->mounts)
        return verdict(copy, BP_DOUBTFUL, "it holds a mount point, '%s'", tree->mount);
    if (copy->date.days * BP_DAY_NS > home->now_ns + BP_DAY_NS)
        return verdict(copy, BP_DOUBTFUL, "its date is in the future");
    if (tree->newest_ns > home->now_ns + BP_DAY_NS)
        return verdict(copy, BP_DOUBTFUL, "it holds files from the future");
    if (tree->open == BP_OPEN_UNSEEN && !rules->accept_unseen)
        return verdict(copy, BP_DOUBTFUL, "whether files in it are open cannot be seen (%s); option open_files",
                       tree->open_why);
    return 0;
}

static int
compare_name(const void *name, const void *part)
{
    return strcmp(name, ((const struct bp_part *)part)->name);
}

static const struct bp_part *
find_part(const struct bp_tree *tree, const char *name)
{
    if (tree->n_parts == 0)
        return NULL;
    return bsearch(name, tree->parts, tree->n_parts, sizeof(*tree->parts), compare_name);
}

static int
may_lack(const struct bp_rules *rules, const char *name)
{
    for (size_t i = 0; i < rules->n_may_lack; i++)
        if (strcmp(rules->may_lack[i], name) == 0)
            return 1;
    return 0;
}

/* One entry of data/ against its counterpart in the copy. */
static int
part_is_incomplete(const struct bp_part *source, struct bp_copy *copy)
{
    const struct bp_part *part = find_part(&copy->tree, source->name);
    char                  name[BP_SHOWN];

    (void)ga_show_name(source->name, name, sizeof(name));
    if (!part)
        return verdict(copy, BP_DOUBTFUL, "it lacks '%s', which data/ has (if that is newer: option may_lack)", name);
    if (part->is_folder != source->is_folder)
        return verdict(copy, BP_DOUBTFUL, "'%s' is a %s in it, a %s in data/", name,
                       part->is_folder ? "folder" : "file", source->is_folder ? "folder" : "file");
    if (source->files > 0 && part->files == 0)
        return verdict(copy, BP_DOUBTFUL, "'%s' is empty in it", name);
    if (source->broken == 0 && part->broken > 0)
        return verdict(copy, BP_DOUBTFUL, "the database '%s' in it names a MANIFEST that is not there", name);
    if (source->databases > part->databases)
        return verdict(copy, BP_DOUBTFUL, "the database '%s' in it lacks its file CURRENT", name);
    return 0;
}

static int
is_incomplete(const struct bp_home *home, const struct bp_rules *rules, struct bp_copy *copy)
{
    const struct bp_tree *source = &home->source;
    char                  have[32];
    char                  want[32];

    if (home->source_sight != BP_SEEN)
        return verdict(copy, BP_DOUBTFUL, "there is nothing to compare it with: %s", home->source_why);
    if (source->files == 0 || source->bytes == 0)
        return verdict(copy, BP_DOUBTFUL, "data/ is empty: the copies may be all there is");
    for (size_t i = 0; i < source->n_parts; i++)
        if (!may_lack(rules, source->parts[i].name) && part_is_incomplete(&source->parts[i], copy))
            return 1;
    if ((double)copy->tree.bytes * 100 < (double)source->bytes * (double)rules->min_complete)
        return verdict(copy, BP_DOUBTFUL, "it has %s, less than %lld %% of the %s of data/ (option min_complete)",
                       ga_format_size(copy->tree.bytes, have, sizeof(have)), (long long)rules->min_complete,
                       ga_format_size(source->bytes, want, sizeof(want)));
    return 0;
}

void
bp_judge_copy(const struct bp_home *home, const struct bp_rules *rules, struct bp_copy *copy)
{
    copy->why[0] = '\0';
    if (is_foreign(home, copy) || is_busy(home, rules, copy) || is_odd(home, rules, copy) ||
        is_incomplete(home, rules, copy))
        return;
    copy->verdict = BP_GOOD;
}

int
bp_judge_tomb(const struct bp_home *home, struct bp_copy *tomb)
{
    tomb->why[0] = '\0';
    if (is_foreign(home, tomb))
        return 0;
    tomb->verdict = BP_DOUBTFUL;
    (void)snprintf(tomb->why, sizeof(tomb->why), "the rest of a copy that an earlier run began to delete");
    return 1;
}
