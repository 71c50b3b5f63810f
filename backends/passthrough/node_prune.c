/*
 * Nodes that cannot give up their descriptors go when the kernel forgets them: here it is asked to,
 * in time.
 * Knows nothing of how nodes come and go.
 */
#include "node_table.h"

#include <errno.h>

#include "node_entry.h"
#include "passthrough.h"
#include "reaper.h"

#define BATCH 64u  /* nodes, at a time */
#define EVERY 32u  /* new ones between two batches: fewer than go */
#define STEPS 512u /* nodes looked at for a batch */

bool pt_prune_due(struct pt_nodes *nodes)
{
	if ((uint64_t)nodes->stuck.count * 8 <= (uint64_t)nodes->budget * 7)
		return false;
	if (++nodes->since < EVERY)
		return false;
	nodes->since = 0;
	return true;
}

/* The coldest nodes that nobody uses; each passes to the end of the list.  The lock is held. */
static size_t pick(struct pt_nodes *nodes, bool directories, struct pt_node *list[BATCH])
{
	uint32_t steps = nodes->stuck.count < STEPS ? nodes->stuck.count : STEPS;
	struct pt_node *node;
	size_t count = 0;

	while (steps-- > 0 && count < BATCH) {
		node = pt_nodes_at(nodes, nodes->stuck.head - 1);
		pt_list_remove(nodes, &nodes->stuck, node);
		pt_list_append(nodes, &nodes->stuck, node);
		if (node->uses == 0 && node->holds == 0 && !(node->flags & NODE_RECENT) &&
		    (directories || !S_ISDIR((unsigned)node->type << 12)))
			list[count++] = node;
		node->flags &= (uint8_t)~NODE_RECENT;
	}
	return count;
}

void pt_prune_ask(struct pt *fs)
{
	struct pt_nodes *nodes = fs->nodes;
	struct pt_node *list[BATCH];
	uint64_t ids[BATCH];
	size_t count = 0;
	bool by_name;

	pthread_mutex_lock(&nodes->lock);
	by_name = nodes->no_prune;
	if (!by_name)
		count = pick(nodes, true, list);
	for (size_t i = 0; i < count; i++)
		ids[i] = pt_node_id(list[i]);
	pthread_mutex_unlock(&nodes->lock);
	/* When the queue is full it is for the next time. */
	if (count > 0 && llfused_notify_prune(ids, count) == -EOPNOTSUPP) {
		pthread_mutex_lock(&nodes->lock);
		by_name = nodes->no_prune = true;
		pthread_mutex_unlock(&nodes->lock);
	}
	if (by_name)
		pt_reaper_prune(fs);
}

void pt_prune_by_name(struct pt *fs)
{
	struct pt_nodes *nodes = fs->nodes;
	struct pt_gone gone;
	struct pt_node *list[BATCH];
	size_t count;

	gone.count = 0;
	pthread_mutex_lock(&nodes->lock);
	/* Dropping the entry of a directory would unmount what lies beneath it. */
	count = pick(nodes, false, list);
	for (size_t i = 0; i < count; i++)
		list[i]->uses++;
	pthread_mutex_unlock(&nodes->lock);
	for (size_t i = 0; i < count; i++)
		pt_entry_drop(fs, list[i]->fd);
	for (size_t i = 0; i < count; i++) {
		pthread_mutex_lock(&nodes->lock);
		list[i]->uses--;
		pt_node_settle(fs, list[i], &gone);
		pthread_mutex_unlock(&nodes->lock);
		pt_gone_finish(fs, &gone);
	}
}
