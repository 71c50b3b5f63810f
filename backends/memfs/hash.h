/*
 * Keyed hash of names (SipHash-1-3), so that chosen names cannot make a directory slow.
 */
#ifndef MEMFS_HASH_H
#define MEMFS_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
	uint64_t half[2];
};

void hash_key_make(struct hash_key *key);
uint32_t hash_name(const struct hash_key *key, const char *name, size_t size);

#endif
