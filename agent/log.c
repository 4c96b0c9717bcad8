/* log.c: the agent's log, to the systemd journal or to stderr. */
#include "agent/log.h"

#include "agent/clock.h"
#include "agent/wire.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>

#define TEXT_MAX 2048

static int  max_level = LOG_INFO;
static int  to_journal;
static char stderr_buffer[4 * TEXT_MAX]; /* holds a line of which every character is escaped */

static const char *const level_names[] = {"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"};

int
log_level_from(const char *name)
{
    for (int i = LOG_ERR; i <= LOG_DEBUG; i++)
        if (strcmp(name, level_names[i]) == 0)
            return i;
    return -1;
}

void
log_open(int level)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    uintmax_t   dev;
    uintmax_t   ino;

    max_level = level;
    (void)setvbuf(stderr, stderr_buffer, _IOLBF, sizeof(stderr_buffer)); /* a line is one write: nobody reads half */
    /* the service manager names the socket it connected stderr to; a redirected stderr is another one */
    to_journal = stream && sscanf(stream, "%ju:%ju", &dev, &ino) == 2 && fstat(2, &st) == 0 &&
                 (uintmax_t)st.st_dev == dev && (uintmax_t)st.st_ino == ino;
}

/* Control characters would let a plugin forge lines. */
static void
flatten(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = ' ';
}

static void
write_journal(int level, const struct log_from *from, const char *text)
{
    (void)sd_journal_send(
        "PRIORITY=%d", level, "MESSAGE=%s%s%s%s%s", from && from->plugin ? from->plugin : "",
        from && from->task ? " " : "", from && from->task ? from->task : "", from && from->plugin ? ": " : "", text,
        "SYSLOG_IDENTIFIER=gonka-agent", "GONKA_PLUGIN=%s", from && from->plugin ? from->plugin : "", "GONKA_TASK=%s",
        from && from->task ? from->task : "", "GONKA_RUN=%s", from && from->run ? from->run : "", NULL);
}

static void
write_stderr(int level, const struct log_from *from, const char *text)
{
    char when[CLOCK_ISO_LEN];

    fprintf(stderr, "time=%s level=%s", clock_iso(clock_real_ns(), when), level_names[level]);
    if (from && from->plugin)
        fprintf(stderr, " plugin=%s", from->plugin);
    if (from && from->task)
        fprintf(stderr, " task=%s", from->task);
    if (from && from->run)
        fprintf(stderr, " run=%s", from->run);
    fputs(" msg=\"", stderr);
    for (const char *p = text; *p; p++) {
        if (*p == '"' || *p == '\\')
            fputc('\\', stderr);
        fputc(*p, stderr);
    }
    fputs("\"\n", stderr);
}

void
log_line(int level, const struct log_from *from, const char *format, ...)
{
    char    text[TEXT_MAX];
    va_list args;

    if (level > max_level || level < 0)
        return;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    wire_text_repair(text); /* what a library prints may be anything, and a long text may be cut in a character */
    flatten(text);
    if (to_journal)
        write_journal(level, from, text);
    else
        write_stderr(level, from, text);
}
