/*
 * Keyed hash of names: SipHash with one round a word and three at the end.
 * Knows nothing of directories.
 */
#include "hash.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

void hash_key_make(struct hash_key *key)
{
	struct timespec now;

	if (getrandom(key, sizeof(*key), GRND_NONBLOCK) == (ssize_t)sizeof(*key))
		return;
	/* Early boot: no randomness yet.  Addresses and time are better than a constant. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	key->half[0] = (uint64_t)now.tv_nsec * UINT64_C(0x9e3779b97f4a7c15);
	key->half[1] = (uint64_t)(uintptr_t)key ^ (uint64_t)now.tv_sec;
}

static uint64_t rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static void round_of(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

uint32_t hash_name(const struct hash_key *key, const char *name, size_t size)
{
	uint64_t v[4] = {key->half[0] ^ UINT64_C(0x736f6d6570736575),
			 key->half[1] ^ UINT64_C(0x646f72616e646f6d),
			 key->half[0] ^ UINT64_C(0x6c7967656e657261),
			 key->half[1] ^ UINT64_C(0x7465646279746573)};
	uint64_t word;
	size_t at = 0;

	for (; at + 8 <= size; at += 8) {
		memcpy(&word, name + at, 8);
		v[3] ^= word;
		round_of(v);
		v[0] ^= word;
	}
	word = (uint64_t)size << 56;
	for (unsigned shift = 0; at < size; at++, shift += 8)
		word |= (uint64_t)(unsigned char)name[at] << shift;
	v[3] ^= word;
	round_of(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		round_of(v);
	word = v[0] ^ v[1] ^ v[2] ^ v[3];
	return (uint32_t)(word ^ word >> 32);
}
