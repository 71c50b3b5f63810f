/*
 * Finds nodes by where they lie on the source.  A hash that grows and shrinks by one bucket at a
 * time, so that no request ever waits for all of it to be moved.
 */
#ifndef PASSTHROUGH_NODE_INDEX_H
#define PASSTHROUGH_NODE_INDEX_H

#include <stdint.h>

#include "room.h"
#include "slab.h"

struct pt_node;

struct pt_node_index {
	const struct pt_slab *nodes;
	struct pt_room room; /* uint32_t for each bucket: index + 1 of its first node, or 0 */
	uint32_t buckets;    /* in use; from half of `span` to `span` - 1 */
	uint32_t span;       /* a power of two */
	uint32_t count;
};

/* 0 or -ENOMEM. */
int pt_node_index_open(struct pt_node_index *index, const struct pt_slab *nodes);
void pt_node_index_close(struct pt_node_index *index);

/* NULL: none. */
struct pt_node *pt_node_index_find(const struct pt_node_index *index, uint32_t mount, uint64_t ino);
/* By its mount and ino, which no other node in it has. */
void pt_node_index_add(struct pt_node_index *index, struct pt_node *node);
void pt_node_index_remove(struct pt_node_index *index, struct pt_node *node);

#endif
