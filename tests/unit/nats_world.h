/*
 * nats_world.h: a real nats-server with JetStream on a free loopback port, in a folder of its own, and words to make
 * its streams. Every function fails the test when it cannot do its work.
 */
#ifndef TESTS_NATS_WORLD_H
#define TESTS_NATS_WORLD_H

#include "kit/nats.h"

#include <cjson/cJSON.h>
#include <stdint.h>
#include <sys/types.h>

struct world {
    char                         dir[64];   /* removed by world_end() */
    char                         url[64];   /* nats://127.0.0.1:PORT */
    char                         port[8];   /* kept by world_stop() and world_start_again() */
    char                         rules[64]; /* the sandbox rules of a run that may connect there */
    pid_t                        pid;       /* 0: stopped */
    struct ga_nats              *nats;      /* the test's own connection; NULL: none at present */
    const struct ga_nats_config *login;     /* for it; NULL: none wanted */
};

/* The program, or NULL when this machine has none. */
const char *world_program(void);

/*
 * Starts it. `config` is more text for its configuration file, with every "@DIR@" replaced by the folder; NULL: none,
 * and JetStream on. `login` (kept, may be NULL): how world_join() logs in.
 */
void world_start(struct world *world, const char *config, const struct ga_nats_config *login);
void world_end(struct world *world);

/* Ends the server and keeps its port and store; starts it again there. */
void world_stop(struct world *world);
void world_start_again(struct world *world);

/*
 * The test's own connection: made by whatever function below needs it. It must be left before a fork (drive() does
 * one): libnats' threads do not come along.
 */
struct ga_nats *world_join(struct world *world);
void            world_leave(struct world *world);

/* Waits until somebody has subscribed to the subject. */
void world_await_listener(struct world *world, const char *subject);

/* Asks the JetStream API with a JSON text (NULL: empty). The caller frees the answer. */
cJSON *world_ask(struct world *world, const char *call, const char *body);

/* A stream as the API container makes it: file storage, no limits, subject = name. `more`: members to add or replace,
 * as JSON text ("\"max_age\":1000"), or NULL. */
void world_stream(struct world *world, const char *name, const char *more);

/* n messages of 64 bytes, all stored when it returns. */
void world_publish(struct world *world, const char *subject, unsigned n);

/* A durable pull consumer with explicit acknowledgement. */
void world_consumer(struct world *world, const char *stream, const char *name);
/* Fetches n messages with it and acknowledges none. */
void world_fetch(struct world *world, const char *stream, const char *consumer, unsigned n);

/* A number of a stream's info: "config.max_age", "state.messages". */
int64_t world_number(struct world *world, const char *stream, const char *path);
/* A stream's configuration. The caller frees it. */
cJSON *world_config(struct world *world, const char *stream);

#endif
