/*
 * mask.h: keeps secrets out of what leaves a run: every text that contains one has "***" in its place.
 *
 * Masked is the value as it is, and each line of a secret of several lines. Not masked: values and lines shorter than
 * MASK_MIN bytes (they would blot out harmless text), encodings of the value (base64, percent), and what a library
 * prints to standard output by itself: that goes to the agent's log without passing through the runner.
 *
 * Filled before the task starts and only read from then on: any thread.
 */
#ifndef AGENT_MASK_H
#define AGENT_MASK_H

#include <cjson/cJSON.h>
#include <stddef.h>

#define MASK_MIN 4      /* bytes */
#define MASK_LINE_MIN 8 /* bytes of a line of a longer secret */
#define MASK_TEXT "***"

struct mask {
    char **needles; /* longest first, so that a part never spoils the whole */
    size_t n;
};

/* Adds a secret. Copied. 0, or -ENOMEM. */
int mask_add(struct mask *mask, const char *secret);

/* 1 when there is something of a secret in the text. */
int mask_finds(const struct mask *mask, const char *text);

/* A copy of the text without secrets, the caller's to free. NULL: no memory. */
char *mask_text(const struct mask *mask, const char *text);

/* Masks every string and every key below the node (and makes them valid UTF-8). 1 something was masked, 0 nothing,
 * -ENOMEM. */
int mask_json(const struct mask *mask, cJSON *node);

/* Wipes and frees what it holds. */
void mask_done(struct mask *mask);

#endif
