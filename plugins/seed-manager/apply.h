/*
 * apply.h: what `apply` and `reseed` bring to the plugin's descriptor: their options and arguments, as elements of a
 * table (struct ga_option), and the two task functions.
 *
 * deploy_dir is opened for reading and writing as a whole, since a file is replaced by renaming a new one in its
 * folder: config.env in deploy_dir itself, config.toml in .inference/config. Nothing else in it is read or written,
 * but for what `reseed` moves: .inference/data and .inference/.node_initialized.
 */
#ifndef SEED_APPLY_H
#define SEED_APPLY_H

#include <gonka-agent/plugin.h>

int apply_task(struct ga_run *run, const struct ga_host *host);
int reseed_task(struct ga_run *run, const struct ga_host *host);

/* clang-format off: elements of a table */
#define SEED_APPLY_OPTIONS                                                                                         \
    {.key = "deploy_dir",                                                                                          \
     .type = GA_T_PATH,                                                                                            \
     .flags = GA_READ | GA_WRITE,                                                                                  \
     .help = "folder with config.env and .inference/ (deploy/join); apply and reseed need it"},                    \
        {.key = "min_healthy",                                                                                     \
         .type = GA_T_INT,                                                                                         \
         .dflt = "1",                                                                                              \
         .min = 1,                                                                                                 \
         .max = 50,                                                                                                \
         .help = "configured seeds are bad when fewer of them are healthy"},                                       \
        {.key = "min_peers",                                                                                       \
         .type = GA_T_INT,                                                                                         \
         .dflt = "2",                                                                                              \
         .min = 0,                                                                                                 \
         .max = 1000,                                                                                              \
         .help = "configured seeds are bad, too, when this host's node has fewer peers"},                          \
        {.key = "bad_surveys",                                                                                     \
         .type = GA_T_INT,                                                                                         \
         .dflt = "3",                                                                                              \
         .min = 1,                                                                                                 \
         .max = 100,                                                                                               \
         .help = "surveys in a row that must find them bad before they are changed"},                              \
        {.key = "write_seeds",                                                                                     \
         .type = GA_T_INT,                                                                                         \
         .dflt = "5",                                                                                              \
         .min = 1,                                                                                                 \
         .max = 50,                                                                                                \
         .help = "so many seeds are written into config.toml at most, the best of the survey"},                    \
        {.key = "min_replacements",                                                                                \
         .type = GA_T_INT,                                                                                         \
         .dflt = "2",                                                                                              \
         .min = 1,                                                                                                 \
         .max = 50,                                                                                                \
         .help = "with fewer healthy seeds in the survey nothing is changed"},                                     \
        {.key = "write_peers",                                                                                     \
         .type = GA_T_INT,                                                                                         \
         .dflt = "0",                                                                                              \
         .min = 0,                                                                                                 \
         .max = 50,                                                                                                \
         .help = "persistent_peers is filled up to so many; those that are there stay; 0: left as it is"},         \
        {.key = "survey_max_age",                                                                                  \
         .type = GA_T_DURATION,                                                                                    \
         .dflt = "3h",                                                                                             \
         .min = INT64_C(1000000000),                                                                               \
         .max = INT64_C(604800000000000),                                                                          \
         .help = "an older survey is no ground for a change"},                                                     \
        {.key = "settle",                                                                                          \
         .type = GA_T_DURATION,                                                                                    \
         .dflt = "5m",                                                                                             \
         .help = "after the node's restart its peers are not judged for so long"},                                 \
        {.key = "watch",                                                                                           \
         .type = GA_T_DURATION,                                                                                    \
         .dflt = "30m",                                                                                            \
         .help = "after the node's restart a change is watched for so long, and undone if things get worse"},      \
        {.key = "restart_command",                                                                                 \
         .type = GA_T_PATH,                                                                                        \
         .flags = GA_READ | GA_EXEC,                                                                               \
         .help = "program that restarts the node after a change; absent: the operator is told how"},               \
        {.key = "restart_args", .type = GA_T_STRING | GA_T_LIST, .help = "its arguments"},                         \
        {.key = "stop_command",                                                                                    \
         .type = GA_T_PATH,                                                                                        \
         .flags = GA_READ | GA_EXEC,                                                                               \
         .help = "program with which reseed stops the node; absent: the operator is told how"},                    \
        {.key = "stop_args", .type = GA_T_STRING | GA_T_LIST, .help = "its arguments"},                            \
        {.key = "start_command",                                                                                   \
         .type = GA_T_PATH,                                                                                        \
         .flags = GA_READ | GA_EXEC,                                                                               \
         .help = "program with which reseed starts the node again; absent: the operator is told how"},             \
        {.key = "start_args", .type = GA_T_STRING | GA_T_LIST, .help = "its arguments"},                           \
    {                                                                                                              \
        .key = "command_timeout", .type = GA_T_DURATION, .dflt = "2m", .min = INT64_C(1000000000),                 \
        .max = INT64_C(3600000000000), .help = "how long restart_command, stop_command and start_command may take" \
    }

#define SEED_APPLY_ARGS                                                       \
    {                                                                         \
        .key = "undo", .type = GA_T_BOOL, .dflt = "false",                    \
        .help = "put the copies of a change back that is still being watched" \
    }

#define SEED_RESEED_ARGS                                                                        \
    {.key = "undo",                                                                             \
     .type = GA_T_BOOL,                                                                         \
     .dflt = "false",                                                                           \
     .help = "put the old data back that an unfinished reseed moved aside"},                    \
    {                                                                                           \
        .key = "keep_old", .type = GA_T_BOOL, .dflt = "false",                                  \
        .help = "leave the old data where it was moved to, even when the node is in sync again" \
    }
/* clang-format on */

#endif
