/* forecast.c: the task forecast. */
#include "tasks.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "history.h"
#include "kit/json.h"
#include "kit/units.h"
#include "look.h"
#include "report.h"
#include "trend.h"

/* One home as it is now. */
struct place {
    struct bp_home    home;
    struct bp_memory *memory;
    int               has_binaries;
    uint64_t          binaries;
    int               has_growth;
    double            growth;
    double            used;
    int               outcome;
    int               filesystem; /* index, -1: not seen */
};

/* One filesystem with the homes on it. */
struct filesystem {
    dev_t             dev;
    uint64_t          total;
    double            data_growth;
    double            used_growth;
    int               has_unseen; /* a data/ whose size is not known */
    struct bp_disk    disk;
    struct bp_outlook outlook;
};

struct forecast {
    struct ga_run        *run;
    const struct ga_host *host;
    struct place         *places;
    struct bp_memory     *memories;
    struct filesystem    *filesystems;
    size_t                n;
    size_t                n_filesystems;
    int                   outcome;
    char                  summary[1024];
};

/* --- looking -------------------------------------------------------------------------------------------------------
 */

static int
look_at_place(const struct forecast *forecast, struct place *place)
{
    struct bp_looking looking = {.cancel_fd = forecast->host->cancel_fd(forecast->run)};
    struct bp_home   *home = &place->home;
    struct bp_sample  sample;
    int               r;

    place->filesystem = -1;
    bp_open_home(place->memory->path, home);
    place->outcome = home->sight == BP_SEEN ? GA_OK : home->sight == BP_REFUSED ? GA_REFUSED : GA_UNKNOWN;
    (void)snprintf(home->why, sizeof(home->why), "%s", home->sight_why);
    if (home->sight != BP_SEEN)
        return 0;
    r = bp_look_source(home, &looking);
    if (r < 0)
        return r;
    if (!home->has_free || home->source_sight != BP_SEEN) {
        place->outcome = GA_UNKNOWN;
        (void)snprintf(home->why, sizeof(home->why), "%s",
                       home->has_free ? home->source_why : "how much space is free cannot be seen");
        return 0;
    }
    place->has_binaries = bp_look_binaries(home, &place->binaries) == 0;
    sample = (struct bp_sample){.time_ns = home->now_ns, .data = home->source.bytes, .free = home->free};
    bp_history_add(&place->memory->history, &sample, forecast->host->num(forecast->run, "history"));
    place->has_growth = bp_growth(&place->memory->history, &place->growth, &place->used) == 0;
    return 0;
}

static int
is_twin(const struct forecast *forecast, size_t i)
{
    const struct bp_home *home = &forecast->places[i].home;

    for (size_t k = 0; k < i; k++)
        if (forecast->places[k].filesystem >= 0 && forecast->places[k].home.dev == home->dev &&
            forecast->places[k].home.ino == home->ino)
            return 1;
    return 0;
}

static struct filesystem *
filesystem_of(struct forecast *forecast, struct place *place)
{
    const struct ga_host *host = forecast->host;
    struct ga_run        *run = forecast->run;
    struct filesystem    *filesystem;

    for (size_t i = 0; i < forecast->n_filesystems; i++)
        if (forecast->filesystems[i].dev == place->home.dev) {
            place->filesystem = (int)i;
            return &forecast->filesystems[i];
        }
    place->filesystem = (int)forecast->n_filesystems;
    filesystem = &forecast->filesystems[forecast->n_filesystems++];
    *filesystem = (struct filesystem){.dev = place->home.dev,
                                      .total = place->home.total,
                                      .disk = {.free = place->home.free,
                                               .needed = (uint64_t)host->num(run, "margin"),
                                               .has_growth = 1,
                                               .has_low = host->has(run, "low"),
                                               .low = (uint64_t)host->num(run, "low"),
                                               .has_recovered = host->has(run, "recovered"),
                                               .recovered = (uint64_t)host->num(run, "recovered")}};
    return filesystem;
}

/* Adds a home to its filesystem. */
static void
add_up(struct forecast *forecast, struct place *place)
{
    struct filesystem *filesystem = filesystem_of(forecast, place);
    struct bp_disk    *disk = &filesystem->disk;

    disk->was_low |= place->memory->low;
    if (place->home.source_sight == BP_SEEN)
        disk->needed += place->home.source.bytes + place->binaries;
    else
        filesystem->has_unseen = 1;
    disk->has_growth &= place->has_growth;
    filesystem->data_growth += place->growth;
    if (place->used > filesystem->used_growth)
        filesystem->used_growth = place->used;
}

static void
look_ahead(const struct forecast *forecast, struct filesystem *filesystem)
{
    uint64_t rule = (uint64_t)forecast->host->num(forecast->run, "upgrade_size");

    /* where data/ cannot be measured, the rule of thumb has to do */
    if (filesystem->has_unseen && filesystem->disk.needed < rule)
        filesystem->disk.needed = rule;
    /* the faster one: data/ may shrink while something else fills the disk */
    filesystem->disk.growth =
        filesystem->data_growth > filesystem->used_growth ? filesystem->data_growth : filesystem->used_growth;
    bp_look_ahead(&filesystem->disk, &filesystem->outlook);
}

/* --- telling -------------------------------------------------------------------------------------------------------
 */

static double
days_shown(double days)
{
    return days < 36500 ? (double)(int64_t)(days * 10 + 0.5) / 10 : 36500; /* a century is for ever */
}

static void
add_homes(const struct forecast *forecast, int filesystem, cJSON *object)
{
    cJSON *homes = cJSON_AddArrayToObject(object, "homes");

    for (size_t i = 0; i < forecast->n; i++)
        if (forecast->places[i].filesystem == filesystem)
            (void)cJSON_AddItemToArray(homes, cJSON_CreateString(forecast->places[i].memory->path));
}

/* The facts of a filesystem: of the report and of events. */
static cJSON *
describe(const struct forecast *forecast, int index)
{
    const struct filesystem *filesystem = &forecast->filesystems[index];
    const struct bp_outlook *outlook = &filesystem->outlook;
    uint64_t                 rule = (uint64_t)forecast->host->num(forecast->run, "upgrade_size");
    cJSON                   *object = cJSON_CreateObject();

    add_homes(forecast, index, object);
    (void)ga_json_add_u64(object, "free_bytes", filesystem->disk.free);
    (void)ga_json_add_u64(object, "total_bytes", filesystem->total);
    (void)ga_json_add_u64(object, "needed_bytes", filesystem->disk.needed);
    (void)cJSON_AddBoolToObject(object, "fits", outlook->fits);
    (void)cJSON_AddBoolToObject(object, "low", outlook->is_low);
    (void)ga_json_add_u64(object, "low_bytes", outlook->low_at);
    (void)ga_json_add_u64(object, "recovered_bytes", outlook->recovered_at);
    (void)ga_json_add_u64(object, "rule_of_thumb_bytes", rule);
    (void)cJSON_AddBoolToObject(object, "above_rule_of_thumb", filesystem->disk.free >= rule);
    if (filesystem->disk.has_growth)
        (void)ga_json_add_i64(object, "growth_bytes_per_day", (int64_t)filesystem->disk.growth);
    if (outlook->has_days)
        (void)cJSON_AddNumberToObject(object, "days_until_full", days_shown(outlook->days));
    return object;
}

/* Emits disk.low or disk.recovered when a border was crossed. What could not be emitted is tried again next time. */
static void
tell_crossing(const struct forecast *forecast, int index)
{
    const struct filesystem *filesystem = &forecast->filesystems[index];
    int                      is_low = filesystem->outlook.is_low;
    cJSON                   *payload;
    char                    *text;

    if (is_low != filesystem->disk.was_low) {
        payload = describe(forecast, index);
        text = ga_json_print(payload);
        cJSON_Delete(payload);
        if (forecast->host->emit(forecast->run, is_low ? "disk.low" : "disk.recovered", text) != 0)
            is_low = filesystem->disk.was_low;
        free(text);
    }
    for (size_t i = 0; i < forecast->n; i++)
        if (forecast->places[i].filesystem == index)
            forecast->places[i].memory->low = is_low;
}

static cJSON *
describe_place(const struct place *place)
{
    const struct bp_home *home = &place->home;
    cJSON                *object = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(object, "home", place->memory->path);
    (void)cJSON_AddStringToObject(object, "outcome", bp_outcome_name(place->outcome));
    (void)cJSON_AddStringToObject(object, "why", home->why);
    if (home->sight == BP_SEEN && home->source_sight == BP_SEEN)
        (void)ga_json_add_u64(object, "data_bytes", home->source.bytes);
    if (place->has_binaries)
        (void)ga_json_add_u64(object, "binaries_bytes", place->binaries);
    if (place->has_growth)
        (void)ga_json_add_i64(object, "growth_bytes_per_day", (int64_t)place->growth);
    (void)ga_json_add_u64(object, "samples", place->memory->history.n);
    return object;
}

static void
write_text(const struct forecast *forecast, FILE *out)
{
    char size[5][32];

    for (size_t i = 0; i < forecast->n; i++) {
        const struct place *place = &forecast->places[i];

        (void)fprintf(out, "%s: %s%s", place->memory->path, bp_outcome_name(place->outcome),
                      place->home.why[0] ? ": " : "");
        if (place->outcome != GA_OK)
            (void)fprintf(out, "%s\n", place->home.why);
        else if (!place->has_growth)
            (void)fprintf(out, ", data %s, growth not known yet (%zu samples)\n",
                          ga_format_size(place->home.source.bytes, size[0], sizeof(size[0])), place->memory->history.n);
        else
            (void)fprintf(out, ", data %s, %s%s a day\n",
                          ga_format_size(place->home.source.bytes, size[0], sizeof(size[0])),
                          place->growth < 0 ? "-" : "+",
                          ga_format_size((uint64_t)(place->growth < 0 ? -place->growth : place->growth), size[1],
                                         sizeof(size[1])));
    }
    for (size_t i = 0; i < forecast->n_filesystems; i++) {
        const struct filesystem *filesystem = &forecast->filesystems[i];

        (void)fprintf(out, "filesystem %zu: free %s of %s; the next upgrade needs %s: %s; %s below %s\n", i + 1,
                      ga_format_size(filesystem->disk.free, size[0], sizeof(size[0])),
                      ga_format_size(filesystem->total, size[1], sizeof(size[1])),
                      ga_format_size(filesystem->disk.needed, size[2], sizeof(size[2])),
                      filesystem->outlook.fits ? "fits" : "does not fit",
                      filesystem->outlook.is_low ? "low, being" : "low when",
                      ga_format_size(filesystem->outlook.low_at, size[3], sizeof(size[3])));
    }
}

static void
publish(const struct forecast *forecast)
{
    cJSON *result = cJSON_CreateObject();
    cJSON *homes = cJSON_AddArrayToObject(result, "homes");
    cJSON *filesystems = cJSON_AddArrayToObject(result, "filesystems");
    char  *text = NULL;
    size_t len = 0;
    FILE  *out = open_memstream(&text, &len);
    char  *json;

    for (size_t i = 0; i < forecast->n; i++)
        (void)cJSON_AddItemToArray(homes, describe_place(&forecast->places[i]));
    for (size_t i = 0; i < forecast->n_filesystems; i++)
        (void)cJSON_AddItemToArray(filesystems, describe(forecast, (int)i));
    json = ga_json_print(result);
    cJSON_Delete(result);
    if (json)
        (void)forecast->host->result(forecast->run, json);
    free(json);
    if (!out)
        return;
    write_text(forecast, out);
    if (fclose(out) == 0)
        forecast->host->text(forecast->run, text);
    free(text);
}

static void summarise(struct forecast *forecast, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
summarise(struct forecast *forecast, const char *format, ...)
{
    size_t  len = strlen(forecast->summary);
    va_list args;

    if (len > 0) {
        (void)snprintf(forecast->summary + len, sizeof(forecast->summary) - len, "; ");
        len = strlen(forecast->summary);
    }
    va_start(args, format);
    (void)vsnprintf(forecast->summary + len, sizeof(forecast->summary) - len, format, args);
    va_end(args);
}

static void
summarise_filesystem(struct forecast *forecast, const struct filesystem *filesystem)
{
    char have[32];
    char need[32];
    char days[64] = "";

    if (filesystem->outlook.has_days)
        (void)snprintf(days, sizeof(days), ", full in %.1f days", days_shown(filesystem->outlook.days));
    summarise(forecast, "%sfree %s, the next upgrade needs %s and %s%s", filesystem->outlook.is_low ? "disk low: " : "",
              ga_format_size(filesystem->disk.free, have, sizeof(have)),
              ga_format_size(filesystem->disk.needed, need, sizeof(need)),
              filesystem->outlook.fits ? "fits" : "does not fit", days);
}

static void
measure(const struct forecast *forecast)
{
    const struct filesystem *worst = NULL;
    uint64_t                 data = 0;

    for (size_t i = 0; i < forecast->n_filesystems; i++)
        if (!worst || forecast->filesystems[i].disk.free < worst->disk.free)
            worst = &forecast->filesystems[i];
    for (size_t i = 0; i < forecast->n; i++)
        if (forecast->places[i].filesystem >= 0)
            data += forecast->places[i].home.source.bytes;
    forecast->host->metric(forecast->run, "data_bytes", (double)data);
    if (!worst)
        return;
    forecast->host->metric(forecast->run, "free_bytes", (double)worst->disk.free);
    forecast->host->metric(forecast->run, "upgrade_fits", worst->outlook.fits);
    if (worst->outlook.has_days)
        forecast->host->metric(forecast->run, "days_until_full", worst->outlook.days);
}

/* --- the run -------------------------------------------------------------------------------------------------------
 */

static int
look_at_all(struct forecast *forecast)
{
    for (size_t i = 0; i < forecast->n; i++) {
        struct place *place = &forecast->places[i];
        int           r = look_at_place(forecast, place);

        if (r < 0)
            return r;
        forecast->outcome = bp_worse(forecast->outcome, place->outcome);
        if (place->outcome != GA_OK)
            summarise(forecast, "%s: %s", place->memory->path, place->home.why);
        if (place->home.sight == BP_SEEN && place->home.has_free && !is_twin(forecast, i))
            add_up(forecast, place);
    }
    return 0;
}

static int
conclude(struct forecast *forecast, int may_remember)
{
    struct ga_run        *run = forecast->run;
    const struct ga_host *host = forecast->host;

    for (size_t i = 0; i < forecast->n_filesystems; i++) {
        look_ahead(forecast, &forecast->filesystems[i]);
        summarise_filesystem(forecast, &forecast->filesystems[i]);
        tell_crossing(forecast, (int)i);
    }
    publish(forecast);
    measure(forecast);
    if (!may_remember)
        return host->end(run, GA_UNKNOWN, "the history cannot be read, nothing was added to it; %s", forecast->summary);
    if (bp_remember(run, host, forecast->memories, forecast->n) < 0)
        return host->end(run, GA_FAILED, "the history cannot be written (is the disk full?); %s", forecast->summary);
    return host->end(run, forecast->outcome, "%s", forecast->summary);
}

int
bp_forecast(struct ga_run *run, const struct ga_host *host)
{
    struct forecast forecast = {.run = run, .host = host, .n = host->count(run, "homes"), .outcome = GA_OK};
    int             recalled;
    int             r = -ENOMEM;

    if (host->has(run, "low") && host->has(run, "recovered") && host->num(run, "recovered") < host->num(run, "low"))
        return host->end(run, GA_REFUSED, "option recovered is smaller than low: make it larger");
    forecast.places = calloc(forecast.n + 1, sizeof(*forecast.places));
    forecast.memories = calloc(forecast.n + 1, sizeof(*forecast.memories));
    forecast.filesystems = calloc(forecast.n + 1, sizeof(*forecast.filesystems));
    if (!forecast.places || !forecast.memories || !forecast.filesystems)
        goto out;
    for (size_t i = 0; i < forecast.n; i++) {
        forecast.memories[i].path = host->str_at(run, "homes", i);
        forecast.places[i] = (struct place){.home = {.fd = -1}, .memory = &forecast.memories[i], .filesystem = -1};
    }
    recalled = bp_recall(run, host, forecast.memories, forecast.n);
    r = look_at_all(&forecast);
    if (r == 0)
        r = conclude(&forecast, recalled == 0);
out:
    for (size_t i = 0; i < forecast.n && forecast.places; i++)
        bp_home_done(&forecast.places[i].home);
    free(forecast.places);
    free(forecast.memories);
    free(forecast.filesystems);
    if (r == -ECANCELED)
        return host->end(run, GA_UNKNOWN, "stopped before all homes were looked at");
    return r < 0 ? host->end(run, GA_FAILED, "not enough memory") : r;
}
