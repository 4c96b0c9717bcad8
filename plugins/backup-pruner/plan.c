/* plan.c: what becomes of the copies of one home. */
#include "model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gonka-agent/plugin.h>

#include "kit/units.h"

static void settle_home(struct bp_home *home, int outcome, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void
settle_home(struct bp_home *home, int outcome, const char *format, ...)
{
    va_list args;

    home->outcome = outcome;
    va_start(args, format);
    (void)vsnprintf(home->why, sizeof(home->why), format, args);
    va_end(args);
}

int
bp_worse(int a, int b)
{
    static const int rank[] = {[GA_OK] = 0, [GA_CHANGED] = 1, [GA_REFUSED] = 2, [GA_UNKNOWN] = 3, [GA_FAILED] = 4};

    return rank[a] >= rank[b] ? a : b;
}

size_t
bp_n_fated(const struct bp_home *home, enum bp_fate fate)
{
    size_t n = 0;

    for (size_t i = 0; i < home->n_copies; i++)
        n += home->copies[i].fate == fate;
    return n;
}

/* --- order ---------------------------------------------------------------------------------------------------------
 */

/* Compares texts with numbers in them as people count: ".9" before ".10", and "" before all. */
static int
compare_suffixes(const char *a, const char *b)
{
    while (*a && *b) {
        size_t a_digits;
        size_t b_digits;

        a += strspn(a, "0") * (strspn(a, "0123456789") > strspn(a, "0"));
        b += strspn(b, "0") * (strspn(b, "0123456789") > strspn(b, "0"));
        a_digits = strspn(a, "0123456789");
        b_digits = strspn(b, "0123456789");
        if (a_digits != b_digits && a_digits > 0 && b_digits > 0)
            return a_digits < b_digits ? -1 : 1;
        if (*a != *b)
            return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
        a++;
        b++;
    }
    return (*a != '\0') - (*b != '\0');
}

/* Newest first; what has no date comes last, by name. Of one day, what changed last is newer. */
static int
newer_first(const void *left, const void *right)
{
    const struct bp_copy *a = left;
    const struct bp_copy *b = right;
    int                   by_suffix;

    if (a->has_date != b->has_date)
        return a->has_date ? -1 : 1;
    if (!a->has_date)
        return strcmp(a->name, b->name);
    if (a->date.days != b->date.days)
        return a->date.days > b->date.days ? -1 : 1;
    if (a->tree.newest_ns != b->tree.newest_ns)
        return a->tree.newest_ns > b->tree.newest_ns ? -1 : 1;
    by_suffix = compare_suffixes(b->date.suffix, a->date.suffix);
    return by_suffix ? by_suffix : strcmp(b->name, a->name);
}

/* --- fates ---------------------------------------------------------------------------------------------------------
 */

/* Reasons to leave a whole home alone. 1 when there is one. */
static int
must_stay_out(struct bp_home *home)
{
    if (home->upgrade == BP_UPGRADE_RUNNING) {
        settle_home(home, GA_REFUSED, "%s", home->upgrade_why);
        return 1;
    }
    for (size_t i = 0; i < home->n_copies; i++) {
        const struct bp_copy *copy = &home->copies[i];

        if (copy->verdict != BP_CHANGING && copy->verdict != BP_IN_USE)
            continue;
        settle_home(home, GA_REFUSED, "an upgrade or a backup may be running: %s: %s", copy->shown, copy->why);
        return 1;
    }
    if (home->upgrade == BP_UPGRADE_UNSEEN) {
        settle_home(home, GA_UNKNOWN, "%s", home->upgrade_why);
        return 1;
    }
    if (home->source_sight != BP_SEEN && home->n_copies > 0) {
        settle_home(home, GA_UNKNOWN, "%s", home->source_why);
        return 1;
    }
    return 0;
}

/* A good copy beyond `keep`; `free` is what is free when it comes to this one. */
static void
decide(const struct bp_home *home, const struct bp_rules *rules, struct bp_copy *copy, uint64_t free)
{
    int64_t age = home->now_ns - (copy->date.days + 1) * BP_DAY_NS;
    int     old = rules->has_max_age && age > rules->max_age_ns;
    int     tight = rules->has_min_free && home->has_free && free < rules->min_free;

    copy->for_space = !old && tight;
    if (old || tight || (!rules->has_max_age && !rules->has_min_free)) {
        copy->fate = BP_GOES;
        (void)snprintf(copy->why, sizeof(copy->why), "%s",
                       old     ? "older than max_age"
                       : tight ? "free space is below min_free"
                               : "newer good copies are kept");
        return;
    }
    copy->fate = BP_STAYS;
    (void)snprintf(copy->why, sizeof(copy->why), "%s",
                   rules->has_min_free && !home->has_free ? "free space is not known"
                   : rules->has_max_age                   ? "younger than max_age"
                                                          : "free space is above min_free");
}

/* Oldest first, so that as few go as needed. Returns what will be free. */
static uint64_t
decide_all(struct bp_home *home, const struct bp_rules *rules)
{
    uint64_t free = home->free;
    int64_t  n_good = 0;

    for (size_t i = 0; i < home->n_tombs; i++)
        if (home->tombs[i].fate == BP_GOES)
            free += home->tombs[i].tree.frees; /* they go first */

    for (size_t i = 0; i < home->n_copies; i++) {
        struct bp_copy *copy = &home->copies[i];

        if (copy->verdict != BP_GOOD || n_good++ >= rules->keep)
            continue;
        copy->fate = BP_KEPT;
        home->last += copy->tree.frees;
        (void)snprintf(copy->why, sizeof(copy->why), "one of the newest good copies");
    }
    for (size_t i = home->n_copies; i-- > 0;) {
        struct bp_copy *copy = &home->copies[i];

        if (copy->verdict != BP_GOOD || copy->fate == BP_KEPT)
            continue;
        decide(home, rules, copy, free);
        if (copy->fate == BP_GOES)
            free += copy->tree.frees;
    }
    return free;
}

/* Not enough, and nothing more may go: says what the last copies would give. */
static void
tell_shortage(struct bp_home *home, const struct bp_rules *rules, uint64_t free)
{
    size_t kept = bp_n_fated(home, BP_KEPT);
    char   have[32];
    char   want[32];
    char   last[32];

    home->short_of = rules->min_free - free;
    (void)ga_format_size(free, have, sizeof(have));
    (void)ga_format_size(rules->min_free, want, sizeof(want));
    (void)ga_format_size(home->last, last, sizeof(last));
    if (kept > 0)
        settle_home(home, GA_REFUSED,
                    "free space (%s) stays below min_free (%s), and %s more could be freed only by deleting the last "
                    "good cop%s (keep); make room elsewhere",
                    have, want, last, kept == 1 ? "y" : "ies");
    else
        settle_home(home, GA_REFUSED, "free space (%s) is below min_free (%s) and there is no good copy to delete",
                    have, want);
}

void
bp_plan_home(struct bp_home *home, const struct bp_rules *rules)
{
    uint64_t free;

    home->outcome = GA_OK;
    home->why[0] = '\0';
    home->short_of = 0;
    home->last = 0;
    home->left_alone = 0;
    if (home->sight != BP_SEEN) {
        settle_home(home, home->sight == BP_REFUSED ? GA_REFUSED : GA_UNKNOWN, "%s", home->sight_why);
        return;
    }
    for (size_t i = 0; i < home->n_copies; i++) {
        home->copies[i].fate = BP_UNTOUCHED;
        bp_judge_copy(home, rules, &home->copies[i]);
    }
    if (home->n_copies > 1)
        qsort(home->copies, home->n_copies, sizeof(*home->copies), newer_first);
    home->left_alone = must_stay_out(home);
    for (size_t i = 0; i < home->n_tombs; i++)
        home->tombs[i].fate = bp_judge_tomb(home, &home->tombs[i]) && !home->left_alone ? BP_GOES : BP_UNTOUCHED;
    if (home->left_alone) {
        for (size_t i = 0; i < home->n_copies; i++)
            if (home->copies[i].verdict == BP_GOOD)
                home->copies[i].fate = BP_STAYS;
        return;
    }
    free = decide_all(home, rules);
    for (size_t i = 0; i < home->n_tombs; i++)
        if (home->tombs[i].fate == BP_GOES)
            home->outcome = GA_CHANGED;
    if (bp_n_fated(home, BP_GOES) > 0)
        home->outcome = GA_CHANGED;
    if (rules->has_min_free && !home->has_free)
        settle_home(home, GA_UNKNOWN, "how much space is free cannot be seen");
    else if (rules->has_min_free && free < rules->min_free)
        tell_shortage(home, rules, free);
}
