/* flight_judge.c: what evidence means for the next upgrade. Pure. */
#include "plugins/upgrade-preload/flight.h"

#include "kit/units.h"
#include "kit/when.h"

#include <stdarg.h>
#include <stdio.h>

void
up_line_add(struct up_flight *flight, const char *what, enum up_light light, const char *format, ...)
{
    struct up_line *line = &flight->lines[flight->n];
    va_list         list;

    if (flight->n >= UP_LINES_MAX)
        return;
    flight->n++;
    line->what = what;
    line->light = light;
    va_start(list, format);
    (void)vsnprintf(line->text, sizeof(line->text), format, list);
    va_end(list);
}

const char *
up_light_name(enum up_light light)
{
    static const char *const names[] = {
        [UP_LIGHT_GO] = "go", [UP_LIGHT_WARN] = "warn", [UP_LIGHT_UNKNOWN] = "unknown", [UP_LIGHT_NO_GO] = "no-go"};

    return names[light];
}

enum up_light
up_flight_verdict(const struct up_flight *flight)
{
    enum up_light verdict = flight->n > 0 ? UP_LIGHT_GO : UP_LIGHT_UNKNOWN;

    for (size_t i = 0; i < flight->n; i++)
        if (flight->lines[i].light > verdict && flight->lines[i].light != UP_LIGHT_WARN)
            verdict = flight->lines[i].light;
    return verdict;
}

void
up_judge_disk(struct up_flight *flight, uint64_t free_bytes, uint64_t data, uint64_t margin)
{
    uint64_t needed = data > UINT64_MAX - margin ? UINT64_MAX : data + margin;
    char     a[32];
    char     b[32];
    char     c[32];

    (void)ga_format_size(free_bytes, a, sizeof(a));
    (void)ga_format_size(needed, b, sizeof(b));
    (void)ga_format_size(data, c, sizeof(c));
    if (free_bytes >= needed)
        up_line_add(flight, "disk", UP_LIGHT_GO, "%s free, %s needed (%s for the copy of data/)", a, b, c);
    else
        up_line_add(flight, "disk", UP_LIGHT_NO_GO,
                    "%s free, %s needed (%s for the copy of data/): free space (gonka-agent plan backup-pruner shows "
                    "what can go), or set UNSAFE_SKIP_BACKUP and backup: false",
                    a, b, c);
}

void
up_judge_height(struct up_flight *flight, const struct up_plan *plan, int64_t height, int64_t block_ns, int64_t now_ns)
{
    int64_t left = plan->height - height;
    char    when[80];

    if (left <= 0)
        up_line_add(flight, "height", UP_LIGHT_WARN, "the chain is at %lld: the upgrade is now", (long long)height);
    else if (block_ns <= 0 || left > (INT64_MAX - now_ns) / block_ns)
        up_line_add(flight, "height", UP_LIGHT_WARN, "%lld blocks to go; how long a block takes is not known",
                    (long long)left);
    else
        up_line_add(flight, "height", UP_LIGHT_GO, "%lld blocks to go, %s", (long long)left,
                    ga_when_show(now_ns + left * block_ns, now_ns, when, sizeof(when)));
}

void
up_judge_snapshot(struct up_flight *flight, int64_t newest_ns, int64_t now_ns, int64_t max_age_ns)
{
    char when[80];

    if (newest_ns == 0)
        up_line_add(flight, "snapshot", UP_LIGHT_WARN,
                    "there is no local snapshot: after a failed upgrade the node must sync over the network");
    else
        up_line_add(flight, "snapshot", now_ns - newest_ns > max_age_ns ? UP_LIGHT_WARN : UP_LIGHT_GO,
                    "the newest is of %s", ga_when_show(newest_ns, now_ns, when, sizeof(when)));
}

void
up_judge_peers(struct up_flight *flight, int64_t peers, int64_t least)
{
    if (peers >= least)
        up_line_add(flight, "peers", UP_LIGHT_GO, "%lld connected", (long long)peers);
    else
        up_line_add(flight, "peers", UP_LIGHT_NO_GO, "%lld connected, %lld wanted: see gonka-agent run seed-manager",
                    (long long)peers, (long long)least);
}

void
up_judge_signer(struct up_flight *flight, int64_t voting_power, int has_signed, int looked)
{
    if (voting_power <= 0)
        up_line_add(flight, "signer", UP_LIGHT_WARN, "this host's node is not in the active set: it signs nothing");
    else if (looked <= 0)
        up_line_add(flight, "signer", UP_LIGHT_UNKNOWN, "no commit could be looked at");
    else if (has_signed > 0)
        up_line_add(flight, "signer", UP_LIGHT_GO, "its signature is in %d of the last %d commits", has_signed, looked);
    else
        up_line_add(flight, "signer", UP_LIGHT_NO_GO,
                    "it is in the active set, but its signature is in none of the last %d commits: is the signer "
                    "(tmkms) running?",
                    looked);
}

const char *
up_phase_at(const struct up_epoch *epoch, int64_t height)
{
    int64_t at;

    if (epoch->length <= 0 || epoch->start < 0 || epoch->generation_end <= 0 ||
        epoch->validation_start < epoch->generation_end || epoch->validation_end < epoch->validation_start)
        return NULL;
    if (height < epoch->start)
        return "Inference";
    at = (height - epoch->start) % epoch->length;
    if (at < epoch->validation_start)
        return "PoCGenerate";
    return at < epoch->validation_end ? "PoCValidate" : "Inference";
}

void
up_judge_phase(struct up_flight *flight, const struct up_epoch *epoch, int64_t height)
{
    const char *phase = up_phase_at(epoch, height);

    if (!phase)
        up_line_add(flight, "phase", UP_LIGHT_WARN, "the epoch's parameters cannot be understood");
    else if (phase[0] == 'I')
        up_line_add(flight, "phase", UP_LIGHT_GO, "the height falls into %s", phase);
    else
        up_line_add(flight, "phase", UP_LIGHT_WARN,
                    "the height falls into %s: be there, what is not sent in time counts as missed", phase);
}

void
up_judge_program(struct up_flight *flight, const struct up_program *program, const struct up_target *target, int tried,
                 const char *why)
{
    const char *daemon = program->kind->daemon;

    if (target->step == UP_STEP_UNKNOWN)
        up_line_add(flight, daemon, UP_LIGHT_UNKNOWN, "upgrades/%s: %s", target->folder, target->why);
    else if (target->step == UP_STEP_COMPARE)
        up_line_add(flight, daemon, UP_LIGHT_NO_GO,
                    "upgrades/%s: a program is there, but it was never compared with the plan's: run gonka-agent run "
                    "upgrade-preload preload",
                    target->folder);
    else if (target->step != UP_STEP_NONE)
        up_line_add(flight, daemon, UP_LIGHT_NO_GO, "upgrades/%s: %s", target->folder, target->why);
    else if (tried == GA_OK && (!program->entry || !*program->entry->sha256))
        up_line_add(flight, daemon, UP_LIGHT_WARN, "upgrades/%s: NOT VERIFIED: the plan names no checksum; it runs%s%s",
                    target->folder, *why ? ": " : "", why);
    else if (tried == GA_OK)
        up_line_add(flight, daemon, UP_LIGHT_GO, "upgrades/%s: verified (sha256 %.12s...) and run%s%s", target->folder,
                    target->look.sha256, *why ? ": " : "", why);
    else
        up_line_add(flight, daemon, tried == GA_UNKNOWN ? UP_LIGHT_UNKNOWN : UP_LIGHT_NO_GO, "upgrades/%s: %s",
                    target->folder, why);
}
