/* decide.h: what is to be done about one program of an upgrade in one folder. Pure, thread-safe. */
#ifndef UPGRADE_PRELOAD_DECIDE_H
#define UPGRADE_PRELOAD_DECIDE_H

#include "kit/upgrade_info.h"

#include <stddef.h>

#define UP_NAME_MAX 64 /* bytes of an upgrade's name with its NUL */
#define UP_SHA256 GA_UPGRADE_SHA256

/* What lies at `upgrades/<name>/bin/<program>`. */
enum up_there {
    UP_THERE_NOTHING, /* no folder upgrades/<name> */
    UP_THERE_FOLDER,  /* the folder without the program: cosmovisor would refuse to fill it, and the upgrade would fail
                       */
    UP_THERE_FILE,    /* a regular file, hashed */
    UP_THERE_ODD,     /* something else is in the way; `odd` says what */
    UP_THERE_UNKNOWN, /* could not be looked at; `odd` says why */
};

struct up_look {
    enum up_there there;
    char          sha256[UP_SHA256]; /* of the file */
    int           runnable;          /* the file may be executed by all */
    int           is_current;        /* cosmovisor's `current` leads to this folder */
    char          odd[200];
};

enum up_step {
    UP_STEP_NONE,    /* the right program is there */
    UP_STEP_INSTALL, /* fetch, verify, put it there */
    UP_STEP_COMPARE, /* a program is there, and only the archive can tell whether it is the right one */
    UP_STEP_MODE,    /* the right program, but it may not be executed */
    UP_STEP_REFUSE,  /* somebody must look at it first */
    UP_STEP_UNKNOWN, /* could not look */
};

/*
 * Decides. `wanted` is the sha256 of the program itself as far as it is known, else "": the plan names that of the
 * archive only. `replace`: a wrong program may be replaced. The sentence in `why` is about this folder.
 */
enum up_step up_decide(const struct up_look *look, const char *wanted, int replace, char *why, size_t len);

/* May this be fetched at all? 1, or 0 with a sentence: no checksum and not allowed, or an entry that is of no use. */
int up_may_fetch(const struct ga_upgrade_binary *entry, const char *platform, int allow_unverified, char *why,
                 size_t len);

/* 1 when the name can be a folder's: letters, digits and ". _ - +", no dot at its start. Others would be escaped by
 * cosmovisor or lead elsewhere; they are nothing that has been seen on the chain. */
int up_name_ok(const char *name);

/*
 * The folders below upgrades/ for a plan's name: as on the chain and, when it has capitals, in lower case too, because
 * cosmovisor looks there unless COSMOVISOR_DISABLE_RECASE is set. letter_case: "both", "chain" or "lower". Returns how
 * many (1 or 2).
 */
size_t up_folders(const char *name, const char *letter_case, char ret[2][UP_NAME_MAX]);

/* "linux/amd64" from what uname(2) says; "" when its machine is not known here. */
const char *up_platform_of(const char *machine);

#endif
