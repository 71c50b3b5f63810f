/*
 * The hash of nodes: linear hashing, that is, buckets are split in turn as nodes come, and joined
 * again as they go.
 * Knows of a node only what it is found by.
 */
#include "node_index.h"

#include <string.h>

#include "node.h"

#define LEAST 1024u /* buckets: a page */

static uint32_t *bucket_at(const struct pt_node_index *index, uint32_t bucket)
{
	return (uint32_t *)(void *)index->room.base + bucket;
}

static uint32_t bucket_of(const struct pt_node_index *index, uint32_t mount, uint64_t ino)
{
	uint64_t mixed = ino ^ (uint64_t)mount << 48;
	uint32_t bucket;

	mixed = (mixed ^ mixed >> 31) * UINT64_C(0x9e3779b97f4a7c15);
	mixed = (mixed ^ mixed >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
	bucket = (uint32_t)(mixed >> 32) & (index->span - 1);
	return bucket < index->buckets ? bucket : bucket & (index->span / 2 - 1);
}

int pt_node_index_open(struct pt_node_index *index, const struct pt_slab *nodes)
{
	int error;

	memset(index, 0, sizeof(*index));
	index->nodes = nodes;
	error = pt_room_open(&index->room, ((size_t)nodes->capacity + LEAST) * sizeof(uint32_t));
	if (error)
		return error;
	index->buckets = LEAST;
	index->span = 2 * LEAST;
	if (pt_room_reach(&index->room, LEAST * sizeof(uint32_t)))
		return 0;
	pt_room_close(&index->room);
	return -ENOMEM;
}

void pt_node_index_close(struct pt_node_index *index)
{
	pt_room_close(&index->room);
}

static struct pt_node *node_at(const struct pt_node_index *index, uint32_t link)
{
	return link ? pt_slab_at(index->nodes, link - 1) : NULL;
}

struct pt_node *pt_node_index_find(const struct pt_node_index *index, uint32_t mount, uint64_t ino)
{
	struct pt_node *node = node_at(index, *bucket_at(index, bucket_of(index, mount, ino)));

	while (node && (node->ino != ino || node->mount != mount))
		node = node_at(index, node->hash_next);
	return node;
}

static void push(struct pt_node_index *index, struct pt_node *node)
{
	uint32_t *bucket = bucket_at(index, bucket_of(index, node->mount, node->ino));

	node->hash_next = *bucket;
	*bucket = node->index + 1;
}

/* Puts every node of a bucket where it belongs by now. */
static void spread(struct pt_node_index *index, uint32_t bucket)
{
	struct pt_node *node = node_at(index, *bucket_at(index, bucket));
	struct pt_node *next;

	*bucket_at(index, bucket) = 0;
	for (; node; node = next) {
		next = node_at(index, node->hash_next);
		push(index, node);
	}
}

static void split(struct pt_node_index *index)
{
	uint32_t added = index->buckets;
	uint32_t from = added & (index->span / 2 - 1);

	/* Without memory the chains become longer, and that is all. */
	if (!pt_room_reach(&index->room, ((size_t)added + 1) * sizeof(uint32_t)))
		return;
	if (++index->buckets == index->span)
		index->span *= 2;
	spread(index, from);
}

static void join(struct pt_node_index *index)
{
	size_t bytes;

	if (index->buckets == index->span / 2)
		index->span /= 2;
	index->buckets--;
	spread(index, index->buckets);
	bytes = index->buckets * sizeof(uint32_t);
	if (bytes % 4096 == 0)
		pt_room_drop(&index->room, bytes, bytes + 4096);
}

void pt_node_index_add(struct pt_node_index *index, struct pt_node *node)
{
	push(index, node);
	if (++index->count > index->buckets)
		split(index);
}

void pt_node_index_remove(struct pt_node_index *index, struct pt_node *node)
{
	uint32_t *link = bucket_at(index, bucket_of(index, node->mount, node->ino));

	while (*link != node->index + 1)
		link = &node_at(index, *link)->hash_next;
	*link = node->hash_next;
	node->hash_next = 0;
	index->count--;
	while (index->count < index->buckets / 2 && index->buckets > LEAST)
		join(index);
}
