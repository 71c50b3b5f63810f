/*
 * A sparse array of 32-bit values: a tree of nodes of 64 slots.
 * Knows nothing of what the values mean, and takes no lock but the slab's.
 */
#include "radix.h"

#include <errno.h>
#include <string.h>

#define BITS_PER_LEVEL 6
#define NODE_BYTES     (RADIX_FANOUT * sizeof(uint32_t))
#define MAX_HEIGHT     11 /* 64^11 exceeds every 64-bit index */

static uint32_t *node_at(const struct slab *slab, uint32_t node)
{
	return slab_at(slab, node);
}

static unsigned slot_of(uint64_t index, unsigned level)
{
	return (index >> (BITS_PER_LEVEL * level)) % RADIX_FANOUT;
}

/* Highest index that a tree of this height can hold. */
static uint64_t reach(unsigned height)
{
	return height >= MAX_HEIGHT ? UINT64_MAX : (UINT64_C(1) << (BITS_PER_LEVEL * height)) - 1;
}

static uint32_t new_node(struct slab *slab)
{
	uint32_t node = slab_alloc(slab, NODE_BYTES);

	if (node)
		memset(node_at(slab, node), 0, NODE_BYTES);
	return node;
}

static int is_empty(const uint32_t *slots)
{
	for (unsigned i = 0; i < RADIX_FANOUT; i++)
		if (slots[i])
			return 0;
	return 1;
}

struct radix_span radix_look(const struct slab *slab, const struct radix *radix, uint64_t index)
{
	struct radix_span span = {.count = RADIX_FANOUT};
	uint32_t node = radix->root;

	span.first = index - index % RADIX_FANOUT;
	if (index > reach(radix->height)) {
		return span;
	} else if (radix->height == 0) {
		span.slots = (uint32_t *)&radix->root;
		span.count = 1;
		return span;
	}
	for (unsigned level = radix->height; node && --level > 0;)
		node = node_at(slab, node)[slot_of(index, level)];
	if (node)
		span.slots = node_at(slab, node);
	return span;
}

/* Adds levels on top until `last` is within reach. */
static int grow(struct slab *slab, struct radix *radix, uint64_t last)
{
	while (last > reach(radix->height)) {
		if (radix->root) {
			uint32_t node = new_node(slab);

			if (!node)
				return -ENOSPC;
			node_at(slab, node)[0] = radix->root;
			radix->root = node;
		}
		radix->height++;
	}
	return 0;
}

int radix_make(struct slab *slab, struct radix *radix, uint64_t index, uint64_t last,
	       struct radix_span *span)
{
	uint32_t *link = &radix->root;

	if (grow(slab, radix, last) < 0)
		return -ENOSPC;
	for (unsigned level = radix->height; level-- > 0;) {
		if (!*link && !(*link = new_node(slab))) {
			radix_prune(slab, radix, index);
			return -ENOSPC;
		}
		if (level == 0)
			break;
		link = &node_at(slab, *link)[slot_of(index, level)];
	}
	*span = radix_look(slab, radix, index);
	return 0;
}

void radix_prune(struct slab *slab, struct radix *radix, uint64_t index)
{
	uint32_t *links[MAX_HEIGHT + 1];
	unsigned depth = 0;

	if (index > reach(radix->height))
		return;
	links[0] = &radix->root;
	for (unsigned level = radix->height; level-- > 1 && *links[depth]; depth++)
		links[depth + 1] = &node_at(slab, *links[depth])[slot_of(index, level)];
	for (unsigned i = depth + 1; radix->height && i-- > 0;) {
		if (!*links[i])
			continue;
		if (!is_empty(node_at(slab, *links[i])))
			return;
		slab_free(slab, *links[i]);
		*links[i] = 0;
	}
	if (!radix->root)
		radix->height = 0;
}

uint32_t radix_get(const struct slab *slab, const struct radix *radix, uint64_t index)
{
	struct radix_span span = radix_look(slab, radix, index);

	return span.slots ? span.slots[index - span.first] : 0;
}

/* The first value at or after *index beneath a node that covers it. */
static uint32_t next_below(const struct slab *slab, uint32_t node, unsigned level, uint64_t *index)
{
	const uint32_t *slots = node_at(slab, node);
	uint64_t base = *index & ~reach(level + 1);

	for (unsigned i = slot_of(*index, level); i < RADIX_FANOUT; i++) {
		uint64_t start = base | (uint64_t)i << (BITS_PER_LEVEL * level);
		uint32_t value;

		if (!slots[i])
			continue;
		if (*index < start)
			*index = start;
		value = level ? next_below(slab, slots[i], level - 1, index) : slots[i];
		if (value)
			return value;
	}
	return 0;
}

uint32_t radix_next(const struct slab *slab, const struct radix *radix, uint64_t *index)
{
	if (!radix->root || *index > reach(radix->height))
		return 0;
	if (!radix->height)
		return radix->root;
	return next_below(slab, radix->root, radix->height - 1, index);
}

static void free_below(struct slab *slab, uint32_t node, unsigned level)
{
	if (level)
		for (unsigned i = 0; i < RADIX_FANOUT; i++)
			if (node_at(slab, node)[i])
				free_below(slab, node_at(slab, node)[i], level - 1);
	slab_free(slab, node);
}

void radix_clear(struct slab *slab, struct radix *radix)
{
	if (radix->height && radix->root)
		free_below(slab, radix->root, radix->height - 1);
	radix->root = 0;
	radix->height = 0;
}
