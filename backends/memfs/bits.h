/*
 * A set of small numbers that finds its lowest member in a few steps: a bitmap with summaries.
 * Knows nothing of what the numbers mean; the caller brings zeroed memory and a lock.
 */
#ifndef MEMFS_BITS_H
#define MEMFS_BITS_H

#include <stddef.h>
#include <stdint.h>

#define BITS_LEVELS 6
#define BITS_NONE   UINT64_MAX

struct bits {
	uint64_t *level[BITS_LEVELS]; /* level[0]: a bit a number; above: a bit a non-zero word */
	unsigned levels;
	uint64_t count; /* numbers are below this */
};

/* Bytes that a set of `count` numbers needs. */
size_t bits_bytes(uint64_t count);
/* `memory` is bits_bytes(count) zeroed bytes, aligned to 8, and stays the caller's. */
void bits_init(struct bits *bits, uint64_t count, void *memory);

int bits_test(const struct bits *bits, uint64_t number);
void bits_set(struct bits *bits, uint64_t number, uint64_t count);
void bits_clear(struct bits *bits, uint64_t number, uint64_t count);
/* The lowest member that is at least `from`, or BITS_NONE. */
uint64_t bits_find(const struct bits *bits, uint64_t from);
/* How many members follow each other from `number` on, at most `most`. */
uint64_t bits_run(const struct bits *bits, uint64_t number, uint64_t most);

#endif
