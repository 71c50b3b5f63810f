/*
 * Files that were removed on the source, not through us: their nodes would keep their blocks until
 * the kernel forgets them, which may be never.  So it is asked to, now and then.
 * Knows nothing of how nodes come and go.
 */
#include "node_table.h"

#include <errno.h>

#include "node_entry.h"
#include "passthrough.h"
#include "system.h"

#define BATCH 64u

/* A node whose descriptor is all that holds it, of a file system that answers at once.  Files that
 * are open are somebody's, and others than regular ones hold next to nothing. */
static bool is_candidate(const struct pt *fs, const struct pt_node *node)
{
	return node->fd >= 0 && node->uses == 0 && node->holds == 0 &&
	       S_ISREG((unsigned)node->type << 12) && !(node->flags & NODE_GOING) &&
	       pt_mount_at(&fs->source, node->mount)->pace != PT_PACE_SLOW;
}

/* Pins those among the next records.  false: there are no more. */
static bool pin_next(struct pt *fs, uint32_t *cursor, struct pt_node *list[BATCH], size_t *count)
{
	struct pt_nodes *nodes = fs->nodes;
	uint32_t end = *cursor + BATCH;
	struct pt_node *node;
	bool more;

	*count = 0;
	pthread_mutex_lock(&nodes->lock);
	for (; *cursor < end; ++*cursor) {
		if (!pt_slab_in_use(&nodes->slab, *cursor))
			continue;
		node = pt_nodes_at(nodes, *cursor);
		if (is_candidate(fs, node)) {
			node->uses++;
			list[(*count)++] = node;
		}
	}
	more = end < nodes->slab.used;
	pthread_mutex_unlock(&nodes->lock);
	return more;
}

static void unpin(struct pt *fs, struct pt_node *node)
{
	struct pt_gone gone;

	gone.count = 0;
	pthread_mutex_lock(&fs->nodes->lock);
	node->uses--;
	pt_node_settle(fs, node, &gone);
	pthread_mutex_unlock(&fs->nodes->lock);
	pt_gone_finish(fs, &gone);
}

static void look_at(struct pt *fs, struct pt_node *node)
{
	uint64_t nodeid = pt_node_id(node);
	struct statx stx;

	if (pt_sys_peek(node->fd, "", &stx) || stx.stx_nlink > 0)
		return;
	if (llfused_notify_prune(&nodeid, 1) == -EOPNOTSUPP)
		pt_entry_drop(fs, node->fd);
}

void pt_node_sweep(struct pt *fs, const atomic_bool *stop)
{
	struct pt_node *list[BATCH];
	uint32_t cursor = 0;
	size_t count;
	bool more;

	do {
		more = pin_next(fs, &cursor, list, &count);
		for (size_t i = 0; i < count; i++) {
			look_at(fs, list[i]);
			unpin(fs, list[i]);
		}
	} while (more && !atomic_load(stop));
}
