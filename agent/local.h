/*
 * local.h: one run without a daemon, by this very process: for `run` and `plan` where no daemon answers.
 *
 * What comes out has the form of the control socket's answers to `run`, so that it is printed the same way.
 */
#ifndef AGENT_LOCAL_H
#define AGENT_LOCAL_H

#include <cjson/cJSON.h>
#include <stdbool.h>

struct local_request {
    const cJSON *compiled; /* the compiled manifest */
    const char  *plugin;
    const char  *task;
    const cJSON *args;  /* canonical, as compile_args() makes them; NULL: those of the manifest */
    const cJSON *rules; /* likewise */
    bool         dry_run;
};

/* Gets lines {"t":"log"|"act"|"acted"|"progress"|"event",...} while the run goes on. Borrowed. */
typedef void (*local_line_fn)(const cJSON *line, void *userdata);

/*
 * Runs it to its end; SIGINT and SIGTERM cancel it. Always gives the closing line {"t":"end","plugin","task","outcome",
 * "summary","acts","result","text"} in *ret_end (the caller frees it), also when the run could not start; NULL only
 * without memory. Acts are recorded in the journal of agent.state_dir and are refused when it cannot be written or is
 * in use by a daemon; a dry run needs no journal.
 */
void local_run(const struct local_request *request, local_line_fn line, void *userdata, cJSON **ret_end);

#endif
