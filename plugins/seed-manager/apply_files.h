/*
 * apply_files.h: config.env and config.toml changed together: both copied, both written aside, both renamed, and what a
 * crash between leaves is found and finished or undone. Functions answer as those of place.h do.
 */
#ifndef SEED_APPLY_FILES_H
#define SEED_APPLY_FILES_H

#include "plugins/seed-manager/apply_choose.h"
#include "plugins/seed-manager/apply_state.h"

#define APPLY_DIFF_MAX 8192 /* bytes of one file's diff */

/* One of the two files: as it is, and as it is to be. */
struct apply_edit {
    int               there; /* it was read */
    struct place_file file;
    struct edit_bytes after;
    struct edit_bytes diff; /* of config.env without the lines that are not the three variables */
};

/* What is configured now. NULL: not set. */
struct apply_files {
    struct apply_edit edit[PLACE_FILES];
    char             *api_url;
    char             *rpc_url;
    char             *p2p_url;
    char             *seeds;
    char             *peers;
};

/* The act and the files, as the functions below need them. */
struct apply_job {
    struct ga_run        *run;
    const struct ga_host *host;
    struct place         *place;
    struct apply_state   *state;
};

/* Reads both files and what is configured; config.toml may be missing as long as the node never started.
 * apply_files_done() in any case. */
int  apply_files_read(const struct place *place, struct apply_files *ret, char *why);
void apply_files_done(struct apply_files *files);

/* Works out the new content: fills edit[].after and diff, and the state's keys and files with the copies' names.
 * state->n_keys stays 0 when all is already as wanted. */
int apply_files_plan(struct apply_files *files, const struct choose_choice *choice, int64_t now_ns,
                     struct apply_state *state, char *why);

/* Writes what was planned; ends with the stage APPLY_WATCHING, stored. On an error before the end nothing is changed,
 * or the next run finds what is half done. */
int apply_files_write(const struct apply_job *job, struct apply_files *files, char *why);

/* The steps of a transaction, with `stage` noted while it is under way: asides (and copies, for APPLY_WRITING) of what
 * state->files name, renames, and a look at what the files hold then. The stage stays for the caller to set. */
int apply_files_replace(const struct apply_job *job, struct apply_files *files, enum apply_stage stage, char *why);

/* What a crash has left: finishes or undoes it, as an act. GA_OK: nothing was left; GA_CHANGED: done, `why` tells it;
 * GA_REFUSED: somebody else changed a file meanwhile, or the copies are gone: the change is forgotten, `why` names the
 * files; others as above. */
int apply_files_recover(const struct apply_job *job, char *why);

/* Puts the old content back, as an act: the copies' bytes, or only the values where somebody else changed the rest of
 * the file meanwhile. GA_CHANGED, GA_REFUSED, GA_FAILED, GA_UNKNOWN. `reason` is for the journal. */
int apply_files_undo(const struct apply_job *job, const char *reason, char *why);

/* Whether the values of the change still stand in the files: 1, 0 or, when a file cannot be read, -1. */
int apply_files_stand(const struct place *place, const struct apply_state *state, char *why);

/* The value of a variable in a text; NULL: not set. GA_OK or GA_REFUSED. The caller frees it. */
int apply_value(const struct place_file *file, enum place_which which, const char *key, char **ret, char *why);

/* The text of a file with some variables changed; out as edit_env_set() has it. GA_OK or GA_REFUSED. */
int apply_set(const struct place_file *file, enum place_which which, const struct apply_key *keys, size_t n, int old,
              struct edit_bytes *out, char *why);

#endif
