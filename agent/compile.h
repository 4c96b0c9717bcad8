/*
 * compile.h: from a manifest to the one document that the supervisor and local runs work from.
 *
 * The compiled manifest holds every value checked and in canonical form (value.h), defaults filled in, and the rules of
 * each task's sandbox:
 * {"manifest","agent":{"state_dir","socket","plugin_dir","sandbox","log_level","journal_max_size","journal_files",
 *   "max_runs"},
 *  "plugins":[{"name","file","version","summary","options","rules","limits","topics","needs_gpu",
 *   "tasks":[{"name","every_ns","on","always","timeout_ns","delay_ns","args","rules","read_only","essential","by_hand",
 *    "resident"}]}]}
 */
#ifndef AGENT_COMPILE_H
#define AGENT_COMPILE_H

#include "agent/desc.h"
#include "agent/diagnostics.h"

#include <cjson/cJSON.h>

/*
 * Reads and checks a manifest, every plugin that it names included. plugin_dir (may be NULL) is looked into before the
 * manifest's own. 0 and *ret, or -1 with at least one error in `diagnostics`, which the caller has made.
 */
int compile_manifest(const char *path, const char *plugin_dir, cJSON **ret, struct diagnostics *diagnostics);

/*
 * Only the `agent` part, as an object; no plugin is opened and nothing else is checked. So that a daemon can be asked
 * while its manifest is being edited, errors elsewhere (then diagnosed) do not matter once the part came whole.
 */
int compile_agent_part(const char *path, const char *plugin_dir, cJSON **ret, struct diagnostics *diagnostics);

/*
 * Arguments of a run by hand, "key=value", over those that the manifest gives the task. Values of lists and maps are in
 * the manifest's flow style (a list may also be a,b,c), all others are taken as they are; of a string, "key=@FILE"
 * stands for what the file holds. 0 with the canonical arguments and the rules of the sandbox, or -1 with a sentence in
 * reterr.
 */
int compile_args(const cJSON *compiled, const char *plugin, const char *task, char *const *words, int n_words,
                 cJSON **ret_args, cJSON **ret_rules, char *reterr, size_t reterr_len);

/* The file of a plugin, in plugin_dir or else in installed_dir; owned by the caller. NULL when neither has it. */
char *compile_find_plugin(const char *name, const char *plugin_dir, const char *installed_dir);

/* The sentence about a plugin that is not there: where it was looked for and the nearest name. Returns buf. */
char *compile_missing_plugin(const char *name, const char *plugin_dir, const char *installed_dir, char *buf,
                             size_t len);

/* The internal command `--compile -c FILE [--plugin-dir DIR]`: the result to descriptor 3, diagnostics to 4. */
int compile_main(int argc, char **argv);

#endif
