/* seeds.h: the network's public list of seeds, as its documentation has it. */
#ifndef SEED_SEEDS_H
#define SEED_SEEDS_H

#include <stddef.h>

/* Entries that candidate_parse() reads; NULL at the end. */
extern const char *const seeds_public[];

#endif
