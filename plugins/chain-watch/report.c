/* report.c: what was seen, as JSON, as text, and in a line. */
#include "plugins/chain-watch/watch.h"

#include "kit/clean.h"
#include "kit/json.h"
#include "kit/when.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int64_t
cw_lag(const struct cw_seen *seen)
{
    if (!seen->own_answered || seen->height == 0)
        return -1;
    return seen->height > seen->own_height ? seen->height - seen->own_height : 0;
}

int64_t
cw_time_of(const struct cw_seen *seen, int64_t height)
{
    const int64_t blocks = height - seen->height;

    if (seen->height == 0 || seen->block_ns <= 0 || seen->block_time_ns == 0 || blocks < 0 ||
        blocks > (INT64_MAX - seen->block_time_ns) / seen->block_ns)
        return 0;
    return seen->block_time_ns + blocks * seen->block_ns;
}

static void
add_point(cJSON *parent, const char *name, const struct cw_seen *seen, const char *what, int64_t height)
{
    cJSON        *object = cJSON_AddObjectToObject(parent, name);
    const int64_t when = cw_time_of(seen, height);
    char          text[80];

    (void)cJSON_AddStringToObject(object, "what", what);
    (void)ga_json_add_i64(object, "height", height);
    (void)ga_json_add_i64(object, "blocks", height - seen->height);
    if (when > 0) {
        (void)cJSON_AddStringToObject(object, "time", ga_when_format(when, text, sizeof(text)));
        (void)cJSON_AddStringToObject(object, "when", ga_when_show(when, seen->now_ns, text, sizeof(text)));
    }
}

static void
add_epoch(cJSON *json, const struct cw_seen *seen)
{
    const struct cw_epoch *epoch = &seen->epoch;
    cJSON                 *object = cJSON_AddObjectToObject(json, "epoch");
    struct cw_boundary     next;

    (void)ga_json_add_i64(object, "index", epoch->index);
    (void)ga_json_add_i64(object, "start", epoch->start);
    (void)ga_json_add_i64(object, "length", epoch->length);
    (void)ga_json_add_i64(object, "next_start", epoch->next_start);
    (void)cJSON_AddStringToObject(json, "phase", cw_phase(epoch, seen->height));
    if (cw_next_boundary(epoch, seen->height, &next) == 0)
        add_point(json, "next", seen, next.topic, next.height);
}

cJSON *
cw_report(const struct cw_seen *seen)
{
    cJSON *json = cJSON_CreateObject();
    char   text[GA_WHEN_MAX];

    if (!json)
        return NULL;
    (void)cJSON_AddStringToObject(json, "state", cw_state_name(seen->state));
    (void)cJSON_AddStringToObject(json, "text", seen->text);
    (void)ga_json_add_i64(json, "sources", (int64_t)seen->sources);
    (void)ga_json_add_i64(json, "healthy", (int64_t)seen->healthy);
    if (seen->height > 0) {
        (void)ga_json_add_i64(json, "height", seen->height);
        (void)cJSON_AddStringToObject(json, "block_time", ga_when_format(seen->block_time_ns, text, sizeof(text)));
    }
    if (seen->own_answered)
        (void)ga_json_add_i64(json, "node_height", seen->own_height);
    if (cw_lag(seen) >= 0)
        (void)ga_json_add_i64(json, "lag", cw_lag(seen));
    if (seen->peers >= 0)
        (void)ga_json_add_i64(json, "peers", seen->peers);
    if (seen->block_ns > 0)
        (void)cJSON_AddNumberToObject(json, "block_seconds", (double)seen->block_ns * 1e-9);
    if (seen->epoch.index >= 0 && seen->height > 0)
        add_epoch(json, seen);
    if (seen->plan.known && seen->plan.height > 0)
        add_point(json, "upgrade", seen, seen->plan.name, seen->plan.height);
    return json;
}

static void
point_text(FILE *out, const struct cw_seen *seen, int64_t height)
{
    const int64_t when = cw_time_of(seen, height);
    char          text[80];

    (void)fprintf(out, "height %" PRId64 ", %" PRId64 " blocks to go", height, height - seen->height);
    if (when > 0)
        (void)fprintf(out, ", %s", ga_when_show(when, seen->now_ns, text, sizeof(text)));
    (void)fputc('\n', out);
}

static void
write_text(FILE *out, const struct cw_seen *seen)
{
    struct cw_boundary next;
    char               text[80];

    (void)fprintf(out, "state     %s: %s\n", cw_state_name(seen->state), seen->text);
    if (seen->height > 0)
        (void)fprintf(out, "height    %" PRId64 ", its block was made %s\n", seen->height,
                      ga_when_show(seen->block_time_ns, seen->now_ns, text, sizeof(text)));
    (void)fprintf(out, "sources   %zu of %zu are healthy\n", seen->healthy, seen->sources);
    if (seen->own_answered) {
        (void)fprintf(out, "node      height %" PRId64, seen->own_height);
        if (cw_lag(seen) >= 0)
            (void)fprintf(out, ", %" PRId64 " behind", cw_lag(seen));
        if (seen->peers >= 0)
            (void)fprintf(out, ", %" PRId64 " peers", seen->peers);
        (void)fputc('\n', out);
    }
    if (seen->block_ns > 0)
        (void)fprintf(out, "a block   takes %.2f s\n", (double)seen->block_ns * 1e-9);
    if (seen->epoch.index >= 0 && seen->height > 0) {
        (void)fprintf(out, "epoch     %" PRId64 ", block %" PRId64 " of %" PRId64 ", %s\n", seen->epoch.index,
                      seen->height - seen->epoch.start, seen->epoch.length, cw_phase(&seen->epoch, seen->height));
        if (cw_next_boundary(&seen->epoch, seen->height, &next) == 0) {
            (void)fprintf(out, "next      %s: ", next.topic);
            point_text(out, seen, next.height);
        }
    }
    if (seen->plan.known && seen->plan.height > 0) {
        char name[sizeof(seen->plan.name)];

        (void)snprintf(name, sizeof(name), "%s", seen->plan.name);
        (void)fprintf(out, "upgrade   %s: ", ga_clean(name));
        point_text(out, seen, seen->plan.height);
    } else {
        (void)fprintf(out, "upgrade   %s\n", seen->plan.known ? "none is planned" : "could not be asked");
    }
}

char *
cw_report_text(const struct cw_seen *seen)
{
    char  *text = NULL;
    size_t len = 0;
    FILE  *out = open_memstream(&text, &len);

    if (!out)
        return NULL;
    write_text(out, seen);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

void
cw_line(const struct cw_seen *seen, char *ret, size_t len)
{
    struct cw_boundary next;
    char               line[400] = "";
    char               when[80];
    size_t             used = 0;
    int64_t            time;

#define ADD(...) (used += (size_t)snprintf(line + used, used < sizeof(line) ? sizeof(line) - used : 0, __VA_ARGS__))
    ADD("%s", seen->state == CW_UNKNOWN && seen->text[0] ? seen->text : cw_state_name(seen->state));
    if (seen->height > 0)
        ADD(", height %" PRId64, seen->height);
    if (cw_lag(seen) >= 0)
        ADD(", lag %" PRId64, cw_lag(seen));
    if (seen->peers >= 0)
        ADD(", %" PRId64 " peers", seen->peers);
    if (seen->epoch.index >= 0 && seen->height > 0) {
        ADD(", epoch %" PRId64 " %s", seen->epoch.index, cw_phase(&seen->epoch, seen->height));
        if (cw_next_boundary(&seen->epoch, seen->height, &next) == 0) {
            time = cw_time_of(seen, next.height);
            ADD(", %s in %" PRId64 " blocks", next.topic, next.height - seen->height);
            if (time > 0)
                ADD(" (%s)", ga_when_relative(time, seen->now_ns, when, sizeof(when)));
        }
    }
#undef ADD
    (void)snprintf(ret, len, "%s", ga_clean(line)); /* it may have been cut within a character */
}
