/* poc-worker.c: options and tasks of the proof-of-compute worker. */
#include "plugins/poc-worker/tasks.h"

#define N(array) (sizeof(array) / sizeof(*(array)))
#define SECOND INT64_C(1000000000)

static const struct ga_option options[] = {
    {.key = "tune",
     .type = GA_T_BOOL,
     .dflt = "true",
     .help = "find the fastest sizes of the kernels for a model and device, once, and keep them"},
    {.key = "device_timeout",
     .type = GA_T_DURATION,
     .dflt = "10m",
     .help = "a device that has said nothing for so long while it works counts as hanging and is ended",
     .min = SECOND,
     .max = 24 * 3600 * SECOND},
};

/* Of `serve`; arguments, so that the others, which touch no network, have no part in them. */
static const struct ga_option serve_args[] = {
    {.key = "listen",
     .type = GA_T_URL,
     .flags = GA_LISTEN,
     .dflt = "http://127.0.0.1:8080",
     .choices = "http:8080",
     .help = "where the REST API answers, an address in figures; whoever reaches it commands the worker"},
    {.key = "callbacks",
     .type = GA_T_URL | GA_T_LIST,
     .dflt = "[http://127.0.0.1:9100]",
     .choices = "http:80|https:443",
     .help = "receivers of proofs: the sandbox opens their ports, requests name them"},
    {.key = "chain",
     .type = GA_T_URL,
     .choices = "http:80|https:443",
     .help = "a node's proxy (http://127.0.0.1:8000) that is asked whether the network still takes version 1; absent: "
             "nobody is"},
    {.key = "devices",
     .type = GA_T_STRING,
     .dflt = "auto",
     .help = "auto, or numbers as the task `devices` lists them (0,2); plain is one without OpenCL, slow"},
    {.key = "test_devices",
     .type = GA_T_BOOL,
     .dflt = "false",
     .help = "let drivers work that are made for tests (PoCL, Mesa)"},
    {.key = "send_every",
     .type = GA_T_DURATION,
     .dflt = "5s",
     .min = SECOND / 10,
     .max = 600 * SECOND,
     .help = "proofs of so long go out together"},
    {.key = "path",
     .type = GA_T_ENUM,
     .dflt = "auto",
     .choices = "auto|cpu|hopper|nvidia|subgroup|portable",
     .help = "set of kernels; auto: the first that passes the self-test"},
};

#define DEVICE_ARG                                                                              \
    {                                                                                           \
        .key = "device", .type = GA_T_STRING, .dflt = "auto",                                   \
        .help = "auto, numbers as `devices` lists them (0,2), or plain: without OpenCL, slowly" \
    }
#define PATH_ARG                                                                                                 \
    {                                                                                                            \
        .key = "path", .type = GA_T_ENUM, .dflt = "auto", .choices = "auto|cpu|hopper|nvidia|subgroup|portable", \
        .help = "set of kernels; auto: the first that passes the self-test"                                      \
    }
#define BATCH_ARG                                                                          \
    {                                                                                      \
        .key = "at_once", .type = GA_T_INT, .dflt = "0", .min = 0, .max = POC_LANE_NONCES, \
        .help = "nonces computed at once; 0: as memory and model suggest"                  \
    }
#define PARAMS_ARG(what)                                                                         \
    {                                                                                            \
        .key = "params", .type = GA_T_STRING, .dflt = (what),                                    \
        .help = "the model: v1, v2, default, {\"dim\": ...} as in a request, or @FILE with that" \
    }

#define DOCKER_ARG(what)                                                                                              \
    {                                                                                                                 \
        .key = "docker_socket", .type = GA_T_PATH, .flags = GA_SOCKET, .dflt = "/var/run/docker.sock", .help = (what) \
    }

static const struct ga_option distances_args[] = {
    PARAMS_ARG("v1"),
    {.key = "block_hash", .type = GA_T_STRING, .flags = GA_REQUIRED, .help = "what the model is made from: any text"},
    {.key = "public_key", .type = GA_T_STRING, .flags = GA_REQUIRED, .help = "whose nonces: any text"},
    {.key = "nonces", .type = GA_T_STRING, .flags = GA_REQUIRED, .help = "numbers and ranges: 0,1,5-9"},
    DEVICE_ARG,
    PATH_ARG,
    BATCH_ARG,
};

static const struct ga_option verify_args[] = {
    {.key = "batch",
     .type = GA_T_STRING,
     .flags = GA_REQUIRED,
     .help = "a ProofBatch: {\"public_key\", \"block_hash\", \"block_height\", \"nonces\", \"dist\", \"node_id\"}, or "
             "@FILE"},
    PARAMS_ARG("v1"),
    {.key = "sample",
     .type = GA_T_INT,
     .dflt = "0",
     .min = 0,
     .max = 1 << 20,
     .help = "compute at most so many; 0: all"},
    {.key = "r_target", .type = GA_T_STRING, .dflt = "1.4013564660458173", .help = "a distance over it is no proof"},
    {.key = "fraud_threshold",
     .type = GA_T_STRING,
     .dflt = "1e-7",
     .help = "an honest worker's probability below which a batch counts as fraud"},
    DEVICE_ARG,
    PATH_ARG,
    BATCH_ARG,
};

static const struct ga_option bench_args[] = {
    PARAMS_ARG("v1"),
    {.key = "seconds",
     .type = GA_T_DURATION,
     .dflt = "30s",
     .min = SECOND,
     .max = 3600 * SECOND,
     .help = "no new nonces are begun after it"},
    DEVICE_ARG,
    PATH_ARG,
    BATCH_ARG,
};

static const struct ga_option rehearse_args[] = {
    {.key = "url",
     .type = GA_T_URL,
     .flags = GA_REQUIRED,
     .choices = "http:8080|https:443",
     .help = "the machine-learning node, with a version in front of its paths where it has one: http://NODE:8080"},
    PARAMS_ARG("v1"),
    {.key = "listen",
     .type = GA_T_URL,
     .flags = GA_LISTEN,
     .dflt = "http://127.0.0.1:9111",
     .choices = "http:9111",
     .help = "where the node's batches are taken, an address in figures"},
    {.key = "callback",
     .type = GA_T_STRING,
     .help =
         "the same as the node sees it, http://HOST:PORT; absent: as `listen`. A path made up for the run is added"},
    {.key = "wait",
     .type = GA_T_DURATION,
     .dflt = "10m",
     .min = SECOND / 10,
     .max = 3600 * SECOND,
     .help = "the batches must have come by then, the model's making included"},
    {.key = "batches", .type = GA_T_INT, .dflt = "3", .min = 1, .max = 1000, .help = "so many are waited for"},
    {.key = "sample",
     .type = GA_T_INT,
     .dflt = "8",
     .min = 0,
     .max = 1 << 16,
     .help = "distances that are computed here, too; 0: none"},
    {.key = "r_target",
     .type = GA_T_STRING,
     .dflt = "10",
     .help = "the target that is asked for; above 2 every nonce is sent and all are seen"},
    {.key = "node_id",
     .type = GA_T_INT,
     .dflt = "1",
     .min = 0,
     .max = 65535,
     .help = "the node's place in the nonces that is asked for"},
    {.key = "node_count", .type = GA_T_INT, .dflt = "2", .min = 1, .max = 65536, .help = "among so many nodes"},
    {.key = "block_hash", .type = GA_T_STRING, .help = "what the model is made from; absent: a new one by chance"},
    {.key = "block_height", .type = GA_T_INT, .dflt = "1", .min = 0, .max = INT64_MAX, .help = "named with it"},
    {.key = "public_key", .type = GA_T_STRING, .help = "whose nonces; absent: a new one by chance"},
    {.key = "stop_serving",
     .type = GA_T_BOOL,
     .dflt = "false",
     .help = "what the node does may be ended for it: inference, training, a proof of compute"},
    {.key = "serve_again",
     .type = GA_T_STRING,
     .help = "for a node that served inference: the body of /api/v1/inference/up, or @FILE, posted at the end; absent: "
             "the API container does that"},
    {.key = "pause_container",
     .type = GA_T_STRING,
     .help = "the API container (api), paused meanwhile so that it does not stop the rehearsal; absent: none is"},
    DOCKER_ARG("Docker's socket, for pause_container"),
    DEVICE_ARG,
    PATH_ARG,
    BATCH_ARG,
};

static const struct ga_option unpause_args[] = {
    DOCKER_ARG("Docker's socket, the one that `rehearse` was given"),
};

static const struct ga_task tasks[] = {
    {.name = "devices",
     .summary = "shows OpenCL devices and which paths pass the self-test on them",
     .timeout = "30m",
     .flags = GA_TASK_READ_ONLY | GA_TASK_BY_HAND,
     .function = devices_task},
    {.name = "distances",
     .summary = "computes the distances of nonces",
     .timeout = "24h",
     .flags = GA_TASK_READ_ONLY | GA_TASK_BY_HAND,
     .n_args = N(distances_args),
     .args = distances_args,
     .function = distances_task},
    {.name = "verify",
     .summary = "computes a batch of proofs again: which disagree, and the fraud test",
     .timeout = "24h",
     .flags = GA_TASK_READ_ONLY | GA_TASK_BY_HAND,
     .n_args = N(verify_args),
     .args = verify_args,
     .function = verify_task},
    {.name = "bench",
     .summary = "measures nonces per minute of every device",
     .timeout = "2h",
     .flags = GA_TASK_READ_ONLY | GA_TASK_BY_HAND,
     .n_args = N(bench_args),
     .args = bench_args,
     .function = bench_task},
    {.name = "serve",
     .summary = "the machine-learning node's REST API for proof of compute: generates, validates, sends",
     .flags = GA_TASK_RESIDENT | GA_TASK_READ_ONLY | GA_TASK_BY_HAND,
     .n_args = N(serve_args),
     .args = serve_args,
     .function = serve_task},
    {.name = "rehearse",
     .summary = "makes a machine-learning node generate for nobody, and checks what it posts",
     .timeout = "3h",
     .flags = GA_TASK_BY_HAND,
     .n_args = N(rehearse_args),
     .args = rehearse_args,
     .function = rehearse_task},
    {.name = "unpause",
     .summary = "unpauses the API container where a rehearsal that was killed has left it paused",
     .every = "1m",
     .on = "task.failed",
     .timeout = "1m",
     .n_args = N(unpause_args),
     .args = unpause_args,
     .function = unpause_task},
};

static const struct ga_topic topics[] = {
    {.name = "poc.started", .summary = "a proof of compute has begun"},
    {.name = "poc.stopped", .summary = "it was stopped, or gave way to another"},
    {.name = "poc.failed", .summary = "it ended by itself: why"},
    {.name = "poc.stalled", .summary = "no nonce was computed for a minute while generating"},
    {.name = "poc.device.failed", .summary = "a device was taken out: device, name, why"},
};

const struct ga_plugin ga_plugin_v1 = {
    .size = sizeof(ga_plugin_v1),
    .abi_major = GA_ABI_MAJOR,
    .abi_minor = 0,
    .name = "poc-worker",
    .version = "1.0.0",
    .summary = "proof of compute, version 1, on any OpenCL device (mainnet moved to version 2 with v0.2.9)",
    .options = options,
    .n_options = N(options),
    .option_stride = sizeof(*options),
    .tasks = tasks,
    .n_tasks = N(tasks),
    .task_stride = sizeof(*tasks),
    .topics = topics,
    .n_topics = N(topics),
    .topic_stride = sizeof(*topics),
    .needs = GA_NEEDS_GPU,
};
