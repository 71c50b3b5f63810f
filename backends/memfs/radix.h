/*
 * A sparse array of 32-bit values, 0 meaning absent, whose depth grows with its highest index.
 * Knows nothing of what the values mean; whoever owns the array brings the lock.
 */
#ifndef MEMFS_RADIX_H
#define MEMFS_RADIX_H

#include "slab.h"

#define RADIX_FANOUT 64u

/* All zero: an empty array. */
struct radix {
	uint32_t root;   /* height 0: the value at index 0; else a node */
	uint32_t height; /* indexes are below 64^height */
};

/* A stretch of neighbouring slots. */
struct radix_span {
	uint32_t *slots; /* slots[i] is the value at first + i; NULL: all are absent */
	uint64_t first;
	uint64_t count;
};

/*
 * The stretch that holds `index`.  radix_make() creates it, and grows the array so that it reaches
 * `last`: 0 or -ENOSPC.  Slots may be written through it; after zeroing some, call radix_prune().
 */
struct radix_span radix_look(const struct slab *slab, const struct radix *radix, uint64_t index);
int radix_make(struct slab *slab, struct radix *radix, uint64_t index, uint64_t last,
	       struct radix_span *span);
/* Frees the nodes on the way to `index` that hold nothing. */
void radix_prune(struct slab *slab, struct radix *radix, uint64_t index);

uint32_t radix_get(const struct slab *slab, const struct radix *radix, uint64_t index);
/* The first value at or after *index, which moves there; 0: none. */
uint32_t radix_next(const struct slab *slab, const struct radix *radix, uint64_t *index);
/* Frees all nodes; what the values refer to is the caller's. */
void radix_clear(struct slab *slab, struct radix *radix);

#endif
