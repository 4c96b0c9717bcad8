/* decide.c: what is to be done about one program of an upgrade in one folder. */
#include "plugins/upgrade-preload/decide.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static enum up_step
decide_file(const struct up_look *look, const char *wanted, int replace, char *why, size_t len)
{
    if (!*wanted) {
        (void)snprintf(why, len, "a program is there; the archive will tell whether it is the right one");
        return UP_STEP_COMPARE;
    }
    if (strcmp(look->sha256, wanted) == 0) {
        (void)snprintf(why, len,
                       look->runnable ? "the right program is there"
                                      : "the right program is there, but it may not be executed");
        return look->runnable ? UP_STEP_NONE : UP_STEP_MODE;
    }
    if (look->is_current) {
        (void)snprintf(
            why, len,
            "another program is there (sha256 %.12s..., not %.12s...) and cosmovisor runs it now: it is left "
            "alone; install a release over a running one by hand",
            look->sha256, wanted);
        return UP_STEP_REFUSE;
    }
    if (!replace) {
        (void)snprintf(why, len,
                       "another program is there (sha256 %.12s..., not %.12s...): if nobody put it there on purpose, "
                       "run: gonka-agent run upgrade-preload preload replace=true",
                       look->sha256, wanted);
        return UP_STEP_REFUSE;
    }
    (void)snprintf(why, len, "another program is there (sha256 %.12s...) and is replaced", look->sha256);
    return UP_STEP_INSTALL;
}

enum up_step
up_decide(const struct up_look *look, const char *wanted, int replace, char *why, size_t len)
{
    switch (look->there) {
    case UP_THERE_NOTHING:
        (void)snprintf(why, len, "nothing is there yet");
        return UP_STEP_INSTALL;
    case UP_THERE_FOLDER:
        (void)snprintf(why, len, "the folder is there without the program, which makes cosmovisor fail");
        return UP_STEP_INSTALL;
    case UP_THERE_FILE:
        return decide_file(look, wanted, replace, why, len);
    case UP_THERE_ODD:
        (void)snprintf(why, len, "%s: look at it, and move it away", look->odd);
        return UP_STEP_REFUSE;
    case UP_THERE_UNKNOWN:
        break;
    }
    (void)snprintf(why, len, "%s", look->odd);
    return UP_STEP_UNKNOWN;
}

int
up_may_fetch(const struct ga_upgrade_binary *entry, const char *platform, int allow_unverified, char *why, size_t len)
{
    if (!entry) {
        (void)snprintf(why, len, "the plan names no program for %s: ask the proposal's author, or build it yourself",
                       platform);
        return 0;
    }
    if (*entry->why) {
        (void)snprintf(why, len, "the plan's entry for %s is of no use: %s", platform, entry->why);
        return 0;
    }
    if (strncasecmp(entry->url, "https://", 8) != 0 && strncasecmp(entry->url, "http://", 7) != 0) {
        (void)snprintf(why, len, "the plan's entry for %s is no http or https URL", platform);
        return 0;
    }
    if (!*entry->sha256 && !allow_unverified) {
        (void)snprintf(why, len,
                       "the plan's entry for %s names no checksum, so nothing is fetched; if you trust its host, set "
                       "allow_unverified: true",
                       platform);
        return 0;
    }
    return 1;
}

int
up_name_ok(const char *name)
{
    size_t n = strlen(name);

    return n > 0 && n < UP_NAME_MAX && name[0] != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+") == n;
}

size_t
up_folders(const char *name, const char *letter_case, char ret[2][UP_NAME_MAX])
{
    char   lower[UP_NAME_MAX];
    size_t n = 0;

    for (; name[n] && n < sizeof(lower) - 1; n++)
        lower[n] = (char)tolower((unsigned char)name[n]);
    lower[n] = '\0';
    if (strcmp(letter_case, "lower") == 0) {
        (void)snprintf(ret[0], UP_NAME_MAX, "%s", lower);
        return 1;
    }
    (void)snprintf(ret[0], UP_NAME_MAX, "%s", name);
    if (strcmp(letter_case, "chain") == 0 || strcmp(name, lower) == 0)
        return 1;
    (void)snprintf(ret[1], UP_NAME_MAX, "%s", lower);
    return 2;
}

const char *
up_platform_of(const char *machine)
{
    if (strcmp(machine, "x86_64") == 0)
        return "linux/amd64";
    return strcmp(machine, "aarch64") == 0 ? "linux/arm64" : "";
}
