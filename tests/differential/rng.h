/*
 * A small seeded random generator: the same seed gives the same numbers on every machine.
 * Knows nothing of what the numbers are for.
 */
#ifndef DIFF_RNG_H
#define DIFF_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
	uint64_t state;
};

void rng_seed(struct rng *r, uint64_t seed);
uint64_t rng_next(struct rng *r);
/* 0 <= result < n; n must not be 0. */
uint64_t rng_below(struct rng *r, uint64_t n);
/* True in percent cases of a hundred. */
bool rng_chance(struct rng *r, unsigned percent);
/* A well mixed 64-bit hash of a number. */
uint64_t rng_mix(uint64_t x);

#define RNG_PICK(r, array) ((array)[rng_below((r), sizeof(array) / sizeof((array)[0]))])

#endif
