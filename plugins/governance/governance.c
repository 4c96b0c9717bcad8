/* governance.c: the descriptor. */
#include "plugins/governance/tasks.h"

#include "kit/sign.h"

#define VERSION "1.0"
#define COUNT(array) (uint32_t)(sizeof(array) / sizeof((array)[0]))
#define SECOND INT64_C(1000000000)
#define DAY (86400 * SECOND)

static const struct ga_option options[] = {
    GA_CHAIN_OPTIONS,
    {.key = "account", .type = GA_T_STRING, .help = "the cold account whose votes are looked at and cast (gonka1...)"},
    {.key = "remind",
     .type = GA_T_DURATION | GA_T_LIST,
     .dflt = "[1d, 6h, 1h]",
     .min = SECOND,
     .max = 365 * DAY,
     .help = "so long before the end of a vote it is told that the account's is missing, at each step once"},
    {.key = "policy",
     .type = GA_T_STRING,
     .help = "how votes are cast by rule: a JSON list, the first rule that matches decides; absent: by hand alone"},
    {.key = "policy_file",
     .type = GA_T_PATH,
     .flags = GA_READ | GA_MUST_EXIST,
     .help = "the same in a file of its own"},
    {.key = "confirm_wait",
     .type = GA_T_DURATION,
     .dflt = "1m",
     .min = SECOND / 10,
     .max = 600 * SECOND,
     .help = "so long the chain is looked at for a vote that was sent"},
    {.key = "drafts_dir",
     .type = GA_T_PATH,
     .flags = GA_READ | GA_WRITE | GA_MUST_EXIST,
     .help = "folder for the files that draft makes; absent: they are only shown"},
    GA_SIGN_OPTIONS,
};

static const struct ga_option vote_args[] = {
    {.key = "proposal", .type = GA_T_INT, .min = 1, .max = INT64_MAX, .help = "its number; absent: as the policy says"},
    {.key = "option", .type = GA_T_ENUM, .choices = "yes|no|no_with_veto|abstain", .help = "the vote"},
};

static const struct ga_option tally_args[] = {
    {.key = "proposal", .type = GA_T_INT, .flags = GA_REQUIRED, .min = 1, .max = INT64_MAX, .help = "its number"},
};

static const struct ga_option replay_args[] = {
    {.key = "most",
     .type = GA_T_INT,
     .dflt = "30",
     .min = 1,
     .max = 60,
     .help = "so many of the newest that have ended"},
    {.key = "file",
     .type = GA_T_STRING,
     .help = "proposals as JSON instead (file=@proposals.json), with modules' parameters under params: a test of the "
             "policy"},
};

static const struct ga_option draft_args[] = {
    {.key = "kind", .type = GA_T_ENUM, .flags = GA_REQUIRED, .choices = "params|upgrade", .help = "what is proposed"},
    {.key = "title", .type = GA_T_STRING, .flags = GA_REQUIRED, .help = "the proposal's title"},
    {.key = "summary", .type = GA_T_STRING, .flags = GA_REQUIRED, .help = "why (summary=@file reads a file)"},
    {.key = "metadata", .type = GA_T_STRING, .help = "a link to more"},
    {.key = "deposit", .type = GA_T_STRING, .flags = GA_REQUIRED, .help = "\"500000000000ngonka\""},
    {.key = "expedited", .type = GA_T_BOOL, .dflt = "false", .help = "a shorter vote with a higher threshold"},
    {.key = "module", .type = GA_T_STRING, .help = "params: whose (inference.inference, cosmos.gov.v1)"},
    {.key = "set",
     .type = GA_T_STRING | GA_T_MAP,
     .help = "params: places and their new values ('{epoch_params.epoch_length: \"15391\"}')"},
    {.key = "name", .type = GA_T_STRING, .help = "upgrade: its name"},
    {.key = "height", .type = GA_T_INT, .min = 1, .max = INT64_MAX, .help = "upgrade: where the chain halts"},
    {.key = "node_version", .type = GA_T_STRING, .help = "upgrade: version of the MLNode; absent: stays"},
    {.key = "node_urls", .type = GA_T_STRING | GA_T_MAP, .help = "upgrade: archives of inferenced by platform"},
    {.key = "node_archives",
     .type = GA_T_PATH | GA_T_MAP,
     .flags = GA_READ | GA_MUST_EXIST,
     .help = "upgrade: the same archives on this host, for their checksums"},
    {.key = "api_urls", .type = GA_T_STRING | GA_T_MAP, .help = "upgrade: archives of decentralized-api by platform"},
    {.key = "api_archives",
     .type = GA_T_PATH | GA_T_MAP,
     .flags = GA_READ | GA_MUST_EXIST,
     .help = "upgrade: the same archives on this host"},
};

static const struct ga_task tasks[] = {
    {.name = "poll",
     .summary = "proposals with what they change, how the vote stands, and whether this account's is missing",
     .every = "10m",
     .on = "chain.resumed gov.voted",
     .timeout = "5m",
     .flags = GA_TASK_READ_ONLY,
     .function = gov_poll},
    {.name = "vote",
     .summary = "votes on one proposal (proposal=12 option=yes), or as the policy says",
     .every = "10m",
     .on = "gov.proposal.opened gov.proposal.converted",
     .timeout = "20m",
     .n_args = COUNT(vote_args),
     .args = vote_args,
     .function = gov_vote},
    {.name = "tally",
     .summary = "one proposal, whatever its status, and how its vote stands or ended",
     .timeout = "2m",
     .flags = GA_TASK_READ_ONLY | GA_TASK_BY_HAND,
     .n_args = COUNT(tally_args),
     .args = tally_args,
     .function = gov_tally_task},
    {.name = "replay",
     .summary = "what the policy would do with proposals of the past, or of a file; changes nothing",
     .timeout = "5m",
     .flags = GA_TASK_READ_ONLY | GA_TASK_BY_HAND,
     .n_args = COUNT(replay_args),
     .args = replay_args,
     .function = gov_replay},
    {.name = "draft",
     .summary =
         "a proposal file that the chain takes: a change of parameters with its diff, or an upgrade with checksums",
     .timeout = "10m",
     .flags = GA_TASK_BY_HAND,
     .n_args = COUNT(draft_args),
     .args = draft_args,
     .function = gov_draft_task},
};

static const struct ga_topic topics[] = {
    {.name = "gov.proposal.deposit", .summary = "a proposal that needs deposits: id, title, messages"},
    {.name = "gov.proposal.opened", .summary = "a vote begins: id, title, expedited, ends, tally, vote"},
    {.name = "gov.proposal.converted",
     .summary = "an expedited one goes on as a regular one; the votes so far are gone"},
    {.name = "gov.vote.missing", .summary = "this account has not voted, and the end comes near (`remind`)"},
    {.name = "gov.proposal.passed", .summary = "it has passed"},
    {.name = "gov.proposal.rejected", .summary = "it was rejected"},
    {.name = "gov.proposal.failed", .summary = "it passed, and what it wanted failed"},
    {.name = "gov.proposal.expired", .summary = "its deposit did not come together: id"},
    {.name = "gov.voted", .summary = "a vote of this plugin is on chain: id, option, why, hash"},
};

GA_EXPORT const struct ga_plugin ga_plugin_v1 = {
    .size = sizeof(struct ga_plugin),
    .abi_major = GA_ABI_MAJOR,
    .abi_minor = 0,
    .name = "governance",
    .version = VERSION,
    .summary = "proposals explained, votes that are missing, votes by hand or by policy, drafts",
    .options = options,
    .n_options = COUNT(options),
    .option_stride = sizeof(struct ga_option),
    .tasks = tasks,
    .n_tasks = COUNT(tasks),
    .task_stride = sizeof(struct ga_task),
    .topics = topics,
    .n_topics = COUNT(topics),
    .topic_stride = sizeof(struct ga_topic),
};
