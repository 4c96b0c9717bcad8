/* report.c: what a run of prune found and did. */
#include "report.h"

#include <stdlib.h>
#include <time.h>

#include <gonka-agent/plugin.h>

#include "kit/json.h"
#include "kit/units.h"

const char *
bp_outcome_name(int outcome)
{
    static const char *const names[] = {[GA_OK] = "ok",
                                        [GA_CHANGED] = "changed",
                                        [GA_REFUSED] = "refused",
                                        [GA_UNKNOWN] = "unknown",
                                        [GA_FAILED] = "failed"};

    return names[outcome];
}

static const char *
verdict_name(enum bp_verdict verdict)
{
    static const char *const names[] = {[BP_FOREIGN] = "foreign",
                                        [BP_DOUBTFUL] = "doubtful",
                                        [BP_CHANGING] = "changing",
                                        [BP_IN_USE] = "in use",
                                        [BP_GOOD] = "good"};

    return names[verdict];
}

static const char *
fate_name(enum bp_fate fate, int dry_run)
{
    switch (fate) {
    case BP_UNTOUCHED:
        return "untouched";
    case BP_KEPT:
        return "kept";
    case BP_STAYS:
        return "stays";
    case BP_GOES:
        return dry_run ? "would go" : "goes";
    case BP_GONE:
        return "deleted";
    case BP_STUCK:
        break;
    }
    return "stuck";
}

/* Text, as 64 bits of nanoseconds do not survive most readers of JSON. */
static void
add_time(cJSON *object, const char *key, int64_t ns)
{
    time_t    seconds = (time_t)(ns / INT64_C(1000000000));
    char      text[40];
    struct tm tm;

    if (gmtime_r(&seconds, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0)
        (void)cJSON_AddStringToObject(object, key, text);
}

/* Was it looked into? */
static int
has_tree(const struct bp_copy *copy)
{
    return copy->kind == BP_KIND_FOLDER && copy->has_date && copy->verdict != BP_FOREIGN;
}

static void
add_copy(cJSON *copies, const struct bp_copy *copy, int is_tomb, int dry_run)
{
    cJSON *object = cJSON_CreateObject();
    char   date[40];

    (void)cJSON_AddStringToObject(object, "name", copy->shown);
    (void)cJSON_AddStringToObject(object, "verdict", is_tomb ? "half-deleted" : verdict_name(copy->verdict));
    (void)cJSON_AddStringToObject(object, "fate", fate_name(copy->fate, dry_run));
    (void)cJSON_AddStringToObject(object, "why", copy->why);
    if (copy->has_date) {
        (void)snprintf(date, sizeof(date), "%04d-%02d-%02d", copy->date.year, copy->date.month, copy->date.day);
        (void)cJSON_AddStringToObject(object, "date", date);
    }
    if (has_tree(copy)) {
        (void)ga_json_add_u64(object, "files", copy->tree.files);
        (void)ga_json_add_u64(object, "size_bytes", copy->tree.bytes);
        (void)ga_json_add_u64(object, "frees_bytes", copy->tree.frees);
        add_time(object, "changed", copy->tree.newest_ns);
    }
    (void)cJSON_AddItemToArray(copies, object);
}

void
bp_report_json(cJSON *homes, const struct bp_home *home, int dry_run)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *copies;

    (void)cJSON_AddStringToObject(object, "home", home->path);
    (void)cJSON_AddStringToObject(object, "outcome", bp_outcome_name(home->outcome));
    (void)cJSON_AddStringToObject(object, "why", home->why);
    if (home->has_free)
        (void)ga_json_add_u64(object, "free_bytes", home->free);
    if (home->source_sight == BP_SEEN && home->source.n_parts > 0)
        (void)ga_json_add_u64(object, "data_bytes", home->source.bytes);
    if (home->short_of > 0) {
        (void)ga_json_add_u64(object, "short_of_bytes", home->short_of);
        (void)ga_json_add_u64(object, "last_copies_bytes", home->last);
    }
    copies = cJSON_AddArrayToObject(object, "copies");
    for (size_t i = 0; i < home->n_tombs; i++)
        add_copy(copies, &home->tombs[i], 1, dry_run);
    for (size_t i = 0; i < home->n_copies; i++)
        add_copy(copies, &home->copies[i], 0, dry_run);
    (void)cJSON_AddItemToArray(homes, object);
}

static void
write_copy(FILE *out, const struct bp_copy *copy, int is_tomb, int dry_run)
{
    char size[32] = "";

    if (has_tree(copy))
        (void)ga_format_size(copy->tree.bytes, size, sizeof(size));
    (void)fprintf(out, "  %-40s %10s  %-12s %-10s %s\n", copy->shown, size,
                  is_tomb ? "half-deleted" : verdict_name(copy->verdict), fate_name(copy->fate, dry_run), copy->why);
}

void
bp_report_text(FILE *out, const struct bp_home *home, int dry_run)
{
    char size[32];

    (void)fprintf(out, "%s: %s%s%s\n", home->path, bp_outcome_name(home->outcome), home->why[0] ? ": " : "", home->why);
    if (home->source_sight == BP_SEEN && home->source.n_parts > 0)
        (void)fprintf(out, "  %-40s %10s  %s\n", "data", ga_format_size(home->source.bytes, size, sizeof(size)),
                      "source");
    for (size_t i = 0; i < home->n_tombs; i++)
        write_copy(out, &home->tombs[i], 1, dry_run);
    for (size_t i = 0; i < home->n_copies; i++)
        write_copy(out, &home->copies[i], 0, dry_run);
    if (home->has_free)
        (void)fprintf(out, "  %-40s %10s\n", "free space", ga_format_size(home->free, size, sizeof(size)));
}
