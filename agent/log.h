/*
 * log.h: the agent's log. Structured to the systemd journal when stderr is connected to it, else `key=value` lines with
 * the time on stderr. One thread. Levels are those of syslog(3).
 */
#ifndef AGENT_LOG_H
#define AGENT_LOG_H

#include <syslog.h>

/* Where a line comes from; members may be NULL. Borrowed for the call. */
struct log_from {
    const char *plugin;
    const char *task;
    const char *run;
};

/* Looks where stderr leads; lines above `level` are left out. */
void log_open(int level);

/* "err", "warning", "notice", "info", "debug" to a level; -1 when it is none of them. */
int log_level_from(const char *name);

void log_line(int level, const struct log_from *from, const char *format, ...) __attribute__((format(printf, 3, 4)));

#define log_err(...) log_line(LOG_ERR, NULL, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, NULL, __VA_ARGS__)
#define log_notice(...) log_line(LOG_NOTICE, NULL, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, NULL, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, NULL, __VA_ARGS__)

#endif
