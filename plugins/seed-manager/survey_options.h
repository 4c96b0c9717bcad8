/* survey_options.h: the options of `survey`, as elements of the descriptor's table. */
#ifndef SEED_SURVEY_OPTIONS_H
#define SEED_SURVEY_OPTIONS_H

#include <gonka-agent/plugin.h>

#define SURVEY_SECOND INT64_C(1000000000)

/* clang-format off: elements of a table */
#define SEED_SURVEY_OPTIONS                                                                                \
    {.key = "candidates",                                                                                  \
     .type = GA_T_STRING | GA_T_LIST,                                                                      \
     .help = "further candidates: http://host:8000 (an API), or id@host:port (a peer)"},                   \
        {.key = "candidates_file",                                                                         \
         .type = GA_T_PATH,                                                                                \
         .flags = GA_READ | GA_MUST_EXIST,                                                                 \
         .help = "file with further candidates, one in a line; # begins a comment"},                       \
        {.key = "use_public_list",                                                                         \
         .type = GA_T_BOOL,                                                                                \
         .dflt = "true",                                                                                   \
         .help = "ask the seeds of the network's documentation, too"},                                     \
        {.key = "learn",                                                                                   \
         .type = GA_T_BOOL,                                                                                \
         .dflt = "true",                                                                                   \
         .help = "ask the peers that healthy nodes tell of (net_info), too"},                              \
        {.key = "learn_from",                                                                              \
         .type = GA_T_INT,                                                                                 \
         .dflt = "10",                                                                                     \
         .min = 1,                                                                                         \
         .max = 50,                                                                                        \
         .help = "so many healthy nodes are asked for their peers"},                                       \
        {.key = "learn_each",                                                                              \
         .type = GA_T_INT,                                                                                 \
         .dflt = "100",                                                                                    \
         .min = 1,                                                                                         \
         .max = 1000,                                                                                      \
         .help = "so many peers are taken from one node's answer at most"},                                \
        {.key = "private_peers",                                                                           \
         .type = GA_T_BOOL,                                                                                \
         .dflt = "false",                                                                                  \
         .help = "connect to private and loopback addresses, too, when a node tells of them"},             \
        {.key = "max_candidates",                                                                          \
         .type = GA_T_INT,                                                                                 \
         .dflt = "1000",                                                                                   \
         .min = 1,                                                                                         \
         .max = 4096,                                                                                      \
         .help = "so many are asked at most; the rest is left out, and said to be"},                       \
        {.key = "parallel",                                                                                \
         .type = GA_T_INT,                                                                                 \
         .dflt = "128",                                                                                    \
         .min = 1,                                                                                         \
         .max = 256,                                                                                       \
         .help = "so many are asked at once"},                                                             \
        {.key = "probe_timeout",                                                                           \
         .type = GA_T_DURATION,                                                                            \
         .dflt = "4s",                                                                                     \
         .min = SURVEY_SECOND / 5,                                                                         \
         .max = 60 * SURVEY_SECOND,                                                                        \
         .help = "how long a candidate's RPC has to answer, wherever it is looked for"},                   \
        {.key = "p2p_timeout",                                                                             \
         .type = GA_T_DURATION,                                                                            \
         .dflt = "2s",                                                                                     \
         .min = SURVEY_SECOND / 5,                                                                         \
         .max = 60 * SURVEY_SECOND,                                                                        \
         .help = "how long a candidate's port for peers has to take a connection, and for its handshake"}, \
        {.key = "deadline",                                                                                \
         .type = GA_T_DURATION,                                                                            \
         .dflt = "60s",                                                                                    \
         .min = SURVEY_SECOND,                                                                             \
         .max = 120 * SURVEY_SECOND,                                                                       \
         .help = "after it no further candidate is asked"},                                                \
        {.key = "guess_port",                                                                              \
         .type = GA_T_INT,                                                                                 \
         .dflt = "8000",                                                                                   \
         .min = 1,                                                                                         \
         .max = 65535,                                                                                     \
         .help = "where the API of a peer is looked for of which only the address for peers is known"},    \
    {                                                                                                      \
        .key = "handshake", .type = GA_T_BOOL, .dflt = "true",                                             \
        .help = "let candidates prove their node id at their port for peers"                               \
    }
/* clang-format on */

#endif
