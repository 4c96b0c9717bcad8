/*
 * init_manifest.h: the manifest that `init` writes for what it found on a host.
 */
#ifndef AGENT_INIT_MANIFEST_H
#define AGENT_INIT_MANIFEST_H

#include "agent/deploy.h"
#include "agent/desc.h"

#include <stdio.h>

/* What stands in the way of using a plugin on this host; NULL: nothing. */
struct init_plugins {
    const char *dir; /* written as agent.plugin_dir; NULL: the built-in one */
    const char *nats_ttl;
    const char *backup_pruner;

    const struct desc_request *others; /* further plugins that are installed; those without `desc` do not load */
    size_t                     n_others;
};

/* Writes the manifest. Everything of the host that gets into it is quoted. */
void init_manifest(FILE *out, const struct deploy *deploy, const struct init_plugins *plugins);

/* A text in double quotes, as YAML reads it back. `dollars`: doubled, for values in which ${node.X} is replaced. */
void init_quoted(FILE *out, const char *text, bool dollars);

/* What backup-pruner's min_free should be on a disk of this size: the network's rule of thumb, or less on a disk that
 * never has that much free. In bytes, whole GB. */
uint64_t init_min_free(uint64_t disk_size);

#endif
