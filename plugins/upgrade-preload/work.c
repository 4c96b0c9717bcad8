/* work.c: what both tasks begin with: options, homes, the plan's programs. */
#include "plugins/upgrade-preload/preload.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

/*
 * The API has no command `version`: with an unknown word it starts to serve. `pre-upgrade`, which cosmovisor asks of
 * every program, makes it end at once with status 1 before it reads any configuration: then it runs on this machine.
 */
const struct up_kind up_kinds[UP_PROGRAMS] = {
    {"node", "inferenced", "node_home", "node_sha256", "version", 0},
    {"api", "decentralized-api", "api_home", "api_sha256", "pre-upgrade", 1},
};

static const char *const names[] = {
    [GA_OK] = "ok",           [GA_CHANGED] = "changed", [GA_REFUSED] = "refused",
    [GA_UNKNOWN] = "unknown", [GA_FAILED] = "failed",
};

const char *
up_outcome_name(int outcome)
{
    return names[outcome];
}

int
up_worse(int a, int b)
{
    return a > b ? a : b; /* the numbers of outcomes rise with what a person has to do */
}

static int
read_platform(struct up_work *work, char *why, size_t len)
{
    static struct utsname here;

    work->platform = work->host->has(work->run, "platform") ? work->host->str(work->run, "platform") : "";
    if (!*work->platform && uname(&here) == 0)
        work->platform = up_platform_of(here.machine);
    if (*work->platform)
        return 0;
    (void)snprintf(why, len, "this machine (%s) is none that upgrades are known for; name the `platform`",
                   here.machine);
    return -EINVAL;
}

int
up_work_start(struct ga_run *run, const struct ga_host *host, struct up_work *work, char *why, size_t len)
{
    int homes = 0;

    *work = (struct up_work){.run = run, .host = host};
    work->info.node_version = "";
    work->allow_unverified = host->num(run, "allow_unverified") != 0;
    for (size_t i = 0; i < UP_PROGRAMS; i++) {
        struct up_program *program = &work->programs[i];

        program->kind = &up_kinds[i];
        program->staged.fd = -1;
        program->home = host->has(run, up_kinds[i].home_key) ? host->str(run, up_kinds[i].home_key) : NULL;
        homes += program->home != NULL;
    }
    if (homes == 0) {
        (void)snprintf(why, len, "neither node_home nor api_home is set: there is nowhere to put a program");
        return -EINVAL;
    }
    return read_platform(work, why, len);
}

void
up_work_done(struct up_work *work)
{
    up_plan_free(&work->plan);
    ga_upgrade_info_free(&work->info);
}

static int
look_at_program(struct up_work *work, struct up_program *program)
{
    const char *letter_case = work->host->str(work->run, "letter_case");
    char        folders[2][UP_NAME_MAX];

    program->n_targets = up_folders(work->plan.name, letter_case, folders);
    for (size_t i = 0; i < program->n_targets; i++) {
        struct up_target *target = &program->targets[i];
        struct up_place   place = {program->home, target->folder, program->kind->daemon};

        (void)snprintf(target->folder, sizeof(target->folder), "%s", folders[i]);
        if (up_look(&place, work->host->cancel_fd(work->run), &target->look) < 0)
            return GA_UNKNOWN;
        target->step = up_decide(&target->look, program->wanted, work->replace, target->why, sizeof(target->why));
    }
    return GA_OK;
}

/* An upgrade may leave the API as it is; one given by hand names what is meant. A plan on the chain without a program
 * for the node is a mistake, or one whose program everybody builds: that is not passed over. */
static void
find_entry(struct up_work *work, size_t i)
{
    const struct ga_upgrade_binaries *own = i == 0 ? &work->info.node : &work->info.api;
    const struct ga_upgrade_binaries *other = i == 0 ? &work->info.api : &work->info.node;
    struct up_program                *program = &work->programs[i];

    program->entry = ga_upgrade_info_choose(own, work->platform);
    program->left_out = own->n == 0 && other->n > 0 && (i == 1 || work->by_hand);
}

int
up_work_look(struct up_work *work, char *why, size_t len)
{
    int r = ga_upgrade_info_decode(work->plan.info, &work->info, why, len);

    if (r < 0) {
        if (r == -ENOMEM)
            (void)snprintf(why, len, "there is not enough memory");
        return r == -ENOMEM ? GA_FAILED : GA_REFUSED;
    }
    for (size_t i = 0; i < UP_PROGRAMS; i++) {
        struct up_program *program = &work->programs[i];

        find_entry(work, i);
        if (!*program->wanted)
            up_known_get(work, program);
        if (program->home && !program->left_out && look_at_program(work, program) != GA_OK) {
            (void)snprintf(why, len, "the run was cancelled");
            return GA_UNKNOWN;
        }
    }
    return GA_OK;
}

struct up_wish
up_work_wish(const struct up_work *work, const struct up_program *program)
{
    const struct ga_host *host = work->host;
    struct ga_run        *run = work->run;

    return (struct up_wish){
        .work_dir = host->str(run, "work_dir"),
        .daemon = program->kind->daemon,
        .argument = program->kind->argument,
        .may_fail = program->kind->may_fail,
        .platform = work->platform,
        .url = program->entry ? program->entry->url : "",
        .archive_sha256 = program->entry ? program->entry->sha256 : "",
        .file_sha256 = program->wanted,
        .max_archive = (uint64_t)host->num(run, "max_archive"),
        .max_extracted = (uint64_t)host->num(run, "max_extracted"),
        .must_run = strcmp(host->str(run, "run_check"), "require") == 0,
        .try_timeout_ns = host->num(run, "run_timeout"),
    };
}
