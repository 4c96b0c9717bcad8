/*
 * memory.h: which votes were a person's. Counting an expedited proposal that does not pass takes all votes off the
 * chain; what a person meant by theirs is not gone with them, and no policy may put its own in their place. Pure.
 */
#ifndef GOVERNANCE_MEMORY_H
#define GOVERNANCE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#define GOV_MEMORY_MAX 256
#define GOV_MEMORY_VOTE 64

/* What this account has voted last on one proposal, as far as it was seen or done here. */
struct gov_remembered {
    uint64_t id;
    char     vote[GOV_MEMORY_VOTE]; /* as in struct gov_case */
    int      by_policy;             /* 0: a person's */
};

struct gov_memory {
    struct gov_remembered list[GOV_MEMORY_MAX]; /* the oldest first */
    size_t                n;
};

/* A vote that is about to be cast. The oldest entry goes when there are too many. */
void gov_memory_cast(struct gov_memory *memory, uint64_t id, const char *vote, int by_policy);

/* A vote as it is on chain: a person's, unless it is what the policy is known to have voted. 1: that was news. */
int gov_memory_saw(struct gov_memory *memory, uint64_t id, const char *vote);

/* What a person has voted on it; NULL: nothing that is known. */
const char *gov_memory_of_person(const struct gov_memory *memory, uint64_t id);

/* The document. write: NULL without memory; free(). read: 0; -EBADMSG, and *ret remembers nothing: it is not to be
 * relied on. */
char *gov_memory_write(const struct gov_memory *memory);
int   gov_memory_read(const char *text, size_t len, struct gov_memory *ret);

#endif
