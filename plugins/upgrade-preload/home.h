/* home.h: a home of cosmovisor (.inference or .dapi): what lies in it, and how a program gets into it. */
#ifndef UPGRADE_PRELOAD_HOME_H
#define UPGRADE_PRELOAD_HOME_H

#include "plugins/upgrade-preload/decide.h"

#include <stddef.h>
#include <stdint.h>

/* Where a program belongs: HOME/cosmovisor/upgrades/FOLDER/bin/DAEMON. Strings are borrowed. */
struct up_place {
    const char *home;
    const char *folder;
    const char *daemon;
};

/* Writes the path of the program. Returns buf. */
char *up_place_path(const struct up_place *place, char *buf, size_t len);

/* Looks at it without following a link below the home. 0, or -ECANCELED; all else is in *ret. */
int up_look(const struct up_place *place, int cancel_fd, struct up_look *ret);

/*
 * Puts a copy of the file there: written and synced beside upgrades/, hashed again as it lies on the disk, given the
 * owner of HOME/cosmovisor and mode 0755, then renamed. Where there is no folder the whole folder with the program in
 * it appears in one step; where there is one, the program does. 0, or -errno with a sentence: -EBADMSG the copy is not
 * what was verified, -EEXIST a folder has appeared meanwhile, -ECANCELED. Unless 0 nothing is changed but for what lies
 * in HOME/cosmovisor/.gonka-agent-preload, which the next call removes.
 */
int up_install(const struct up_place *place, int from_fd, const char *sha256, int cancel_fd, char *why, size_t len);

/* Makes the program that is there executable by all. 0 or -errno with a sentence. */
int up_make_runnable(const struct up_place *place, char *why, size_t len);

#endif
