/*
 * load.h: opens a plugin's file, loads it, and checks that it is what this agent can live with.
 *
 * Only the runner uses it, after it has sandboxed itself. Every refusal names the file, what was wanted and what was
 * offered. After load_plugin() everything in the descriptor that load.h hands out was checked: names, keys, types,
 * pointers. One thread. Nothing is ever unloaded.
 */
#ifndef AGENT_LOAD_H
#define AGENT_LOAD_H

#include <gonka-agent/plugin.h>

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Opens the file: regular, no symbolic link, owned by root or by this process's user, not writable by group or others.
 * Before the sandbox. 0 with the descriptor (close-on-exec, the caller's), or -errno with a sentence in reterr.
 */
int load_open(const char *path, int *ret_fd, char *reterr, size_t reterr_len);

/*
 * Loads the file that load_open() opened (runs its constructors!) and checks its descriptor. `path` is for sentences
 * and for the name that the descriptor must have. 0, or -errno with a sentence in reterr.
 */
int load_plugin(int fd, const char *path, const struct ga_plugin **ret, char *reterr, size_t reterr_len);

/* The task of that name, or NULL. */
const struct ga_task *load_task(const struct ga_plugin *plugin, const char *name);

/* The option, or the argument of the task (which may be NULL), of that key, or NULL. */
const struct ga_option *load_option(const struct ga_plugin *plugin, const char *key);
const struct ga_option *load_arg(const struct ga_plugin *plugin, const struct ga_task *task, const char *key);

/* Element i of the tables, with their stride. */
const struct ga_option *load_option_at(const struct ga_plugin *plugin, uint32_t i);
const struct ga_option *load_arg_at(const struct ga_plugin *plugin, const struct ga_task *task, uint32_t i);

/* 1 when the plugin lists the topic, else 0. */
int load_has_topic(const struct ga_plugin *plugin, const char *name);

/* The descriptor as JSON (DESCRIPTOR). The caller's; NULL: no memory. */
cJSON *load_describe(const struct ga_plugin *plugin);

#endif
