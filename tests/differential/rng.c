/*
 * A small seeded random generator (a counter run through a 64-bit mixer).
 * Knows nothing of what the numbers are for.
 */
#include "rng.h"

uint64_t rng_mix(uint64_t x)
{
	x ^= x >> 30;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 27;
	x *= UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

void rng_seed(struct rng *r, uint64_t seed)
{
	r->state = rng_mix(seed + 1);
}

uint64_t rng_next(struct rng *r)
{
	r->state += UINT64_C(0x9e3779b97f4a7c15);
	return rng_mix(r->state);
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
	return rng_next(r) % n;
}

bool rng_chance(struct rng *r, unsigned percent)
{
	return rng_below(r, 100) < percent;
}
