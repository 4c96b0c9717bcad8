/*
 * fakehost.h: runs one task of a plugin inside a test program, with no agent, no sandbox and no process of its own.
 *
 *     struct fakehost *fh = fakehost_new(&ga_plugin_v1);
 *
 *     fakehost_set(fh, "streams", "{txs_to_send: 24h}");
 *     fakehost_dry_run(fh, 1);
 *     assert(fakehost_run(fh, "enforce") == GA_CHANGED);
 *     assert(strcmp(fakehost_act(fh, 0)->verb, "set-max-age") == 0);
 *     fakehost_free(fh);
 *
 * The task is given a `struct ga_host` that keeps to plugin.h: what the agent would do with the journal, the bus or the
 * plugin's state is kept in memory, to be looked at after the run. What breaks the contract (a key that the descriptor
 * does not list, a wrong type, an event of a topic that is not listed, an act within an act, a secret in the log, ...)
 * never ends the test program: fakehost_violation() then says what was done, the run's outcome is GA_FAILED and its
 * summary is the same sentence. Where the agent would end the process (they are marked so below), the task function is
 * left at once with longjmp(3): what it had allocated stays allocated, and destructors of C++ do not run.
 *
 * Mistakes of the test itself (an unknown task, a value that its option does not take) are told in the same way: the
 * call answers -1, and every run fails with the sentence until it is put right.
 *
 * Strings given are copied. Pointers got are borrowed: those about a run are valid until the next fakehost_run() or
 * fakehost_free(). Several fakehosts may live at the same time. Threads: one at a time, except functions marked [any].
 */
#ifndef GA_FAKEHOST_H
#define GA_FAKEHOST_H

#include <gonka-agent/plugin.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

struct fakehost;

/* --- Making one --------------------------------------------------------------------------------------------------- */

/*
 * A host for this plugin, whose descriptor is checked as the agent checks it, defaults included; what is wrong with it
 * is in fakehost_violation() at once. The descriptor must outlive the host. NULL without memory.
 */
struct fakehost *fakehost_new(const struct ga_plugin *plugin);
void             fakehost_free(struct fakehost *fh); /* accepts NULL */

/* --- Before a run: what the task is given --------------------------------------------------------------------------
 */

/*
 * Sets an option of the plugin, or an argument of one task, for all runs to come. `text` is what stands in the manifest
 * behind the key: 24h, 250GB, "[a, b]", "{name: value}", true. NULL takes it back: the default is in force again. A
 * secret is a reference as in the manifest ({file: /path}, {credential: name}, {env: NAME}), read at once, or, only
 * here, the secret itself. 0, or -1 with the reason in fakehost_violation().
 */
int fakehost_set(struct fakehost *fh, const char *key, const char *text);
int fakehost_arg(struct fakehost *fh, const char *task, const char *key, const char *text);

/* 1: runs to come are dry runs, act() answers GA_ACT_DRY and state_put() keeps nothing. 0: they are not. */
void fakehost_dry_run(struct fakehost *fh, int on);

/*
 * Refuses acts in runs to come: the first `after` acts of a run go through, all later ones are refused with `why`. NULL
 * refuses none.
 */
void fakehost_refuse(struct fakehost *fh, size_t after, const char *why);

/*
 * Answers act() in place of the above. `i` counts the acts of the run from 0, `details` is NULL when none were given.
 * Returns GA_ACT_DO or GA_ACT_DRY (in a dry run both are dry), or GA_ACT_REFUSED with the reason in *ret_why (copied).
 * It is called on the task's thread in the middle of the act: the place to change the world behind the task's back, or
 * to call fakehost_cancel(). It must not call fakehost_run().
 */
typedef int (*fakehost_answer_fn)(void *user, size_t i, const char *verb, const char *object, const char *details,
                                  const char **ret_why);
void fakehost_answer(struct fakehost *fh, fakehost_answer_fn answer, void *user); /* NULL: back to the above */

/* --- Events for next_event() ---------------------------------------------------------------------------------------
 */

/*
 * Appends an event to the queue. A resident task gets one by each next_event(). Any other run gets the first one, once,
 * as the event that started it; the rest stays for later runs. payload is a JSON object, NULL for an empty one.
 * fakehost_event() says that it came from "test/test" just now. 0, or -1. [any]
 */
int fakehost_event(struct fakehost *fh, const char *topic, const char *payload);
int fakehost_event_from(struct fakehost *fh, const char *topic, const char *payload, const char *origin,
                        int64_t time_ns);

/* Appends silence: a next_event() of a resident task that comes to it answers 0, as if its time were up. 0, or -1.
 * [any] */
int fakehost_silence(struct fakehost *fh);

/*
 * What a resident task's next_event() does when the queue is empty. 0 (at the start): the run is cancelled, so that the
 * task ends when it has seen all. 1: it waits as the agent does, for its timeout in real time, for events from other
 * threads of the test, or for fakehost_cancel().
 */
void fakehost_wait(struct fakehost *fh, int on);

/* Cancels the run as SIGTERM would: cancelled() is 1, cancel_fd() readable, next_event() answers -1. Between runs it
 * holds for the next one, from its start. It ends with the run. [any] */
void fakehost_cancel(struct fakehost *fh);

/* --- The plugin's state: documents in memory, kept from run to run -------------------------------------------------
 */

/* Puts a document (NULL removes it). 0, or -1: no such name can be, or no memory. */
int fakehost_state_put(struct fakehost *fh, const char *name, const void *data, size_t len);

/* The document, followed by a NUL that is not counted; NULL: there is none. Borrowed until it is replaced or removed.
 * ret_len may be NULL. */
const void *fakehost_state_get(struct fakehost *fh, const char *name, size_t *ret_len);

/* 1: state_get() and state_put() fail in runs to come, as with a broken disk. 0: they work. */
void fakehost_state_broken(struct fakehost *fh, int on);

/* --- Running -------------------------------------------------------------------------------------------------------
 */

/*
 * Calls the task function and waits until it returns. What the run before has left is forgotten, the plugin's state,
 * options and settings stay. Returns the outcome (GA_OK ... GA_FAILED); GA_FAILED also when a value is missing, the
 * task unknown or the contract broken.
 */
int fakehost_run(struct fakehost *fh, const char *task);

/* --- After a run ---------------------------------------------------------------------------------------------------
 */

/*
 * How the last run broke the contract (the first breach, one sentence), or what is wrong with the descriptor, an option
 * or an argument as set. NULL: nothing. Breaches at which the agent ends the process, and the task function is left:
 * a key that is not listed or of another type, an index beyond count(), an act in a read-only task or before the last
 * one was closed, a verb that is not one word, details that are no JSON object, acted() before any act, the name of a
 * document that no document can have, a call from another thread of what is not marked [any] (which does not leave the
 * task, but answers 0 or NULL).
 * The run goes on, and is GA_FAILED in the end: acted() on an act that was refused or is closed, an act left open, an
 * event or a result that is refused (-1 was answered), a metric with a bad name or no number, a level of log() that is
 * none, a secret (of four bytes or more) in anything that leaves the run, a value returned that is no outcome.
 */
const char *fakehost_violation(struct fakehost *fh);

/* The text of the last end(); "" when there was none. With a violation: that. */
const char *fakehost_summary(struct fakehost *fh);

/* One act. */
struct fakehost_act {
    const char *verb;
    const char *object;
    const char *details; /* the JSON object as given; NULL: none */
    int         answer;  /* GA_ACT_DO, GA_ACT_DRY or GA_ACT_REFUSED */
    const char *why;     /* of a refusal; else "" */
    int         ok;      /* acted(): 1 observed, 0 not; -1: it was not called */
    const char *note;    /* acted(): what was seen; else "" */
};

/* One event that the task has emitted (those that were refused are not among them). */
struct fakehost_emitted {
    const char *topic;
    const char *payload; /* the JSON object as given; "{}" for NULL */
};

/* One line of the log. */
struct fakehost_line {
    uint32_t    level; /* GA_LOG_... */
    const char *text;
};

size_t                         fakehost_n_acts(struct fakehost *fh);
const struct fakehost_act     *fakehost_act(struct fakehost *fh, size_t i); /* NULL beyond the last */
size_t                         fakehost_n_events(struct fakehost *fh);
const struct fakehost_emitted *fakehost_emitted(struct fakehost *fh, size_t i);
size_t                         fakehost_n_lines(struct fakehost *fh);
const struct fakehost_line    *fakehost_line(struct fakehost *fh, size_t i);

/* 1 when a line of the log has this text somewhere in it. */
int fakehost_logged(struct fakehost *fh, const char *text);

/* The last result() and text(), as given; NULL: none. */
const char *fakehost_result(struct fakehost *fh);
const char *fakehost_text(struct fakehost *fh);

/* The last value of a metric. 0, or -1: the task has set none of that name. */
int fakehost_metric(struct fakehost *fh, const char *name, double *ret);

/* The last progress(): its text, or NULL when there was none. ret_done and ret_total may be NULL. */
const char *fakehost_progress(struct fakehost *fh, uint64_t *ret_done, uint64_t *ret_total);

/* How often ready() and beat() were called. */
size_t fakehost_n_ready(struct fakehost *fh);
size_t fakehost_n_beats(struct fakehost *fh);

/* Events that are still in the queue, silences too. [any] */
size_t fakehost_n_queued(struct fakehost *fh);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif
