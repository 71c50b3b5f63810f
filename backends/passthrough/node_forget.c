/*
 * How nodes go: the kernel forgets them, and nobody else needs them.
 * Knows nothing of how they came.
 */
#include "node_table.h"

#include <string.h>
#include <unistd.h>

#include "backing.h"
#include "passthrough.h"
#include "reaper.h"
#include "system.h"
#include "watch.h"

#define KEPT_MAX 1000000u /* nodes kept for NFS */

void pt_node_unhash(struct pt_nodes *nodes, struct pt_node *node)
{
	if (!(node->flags & NODE_HASHED))
		return;
	pt_node_index_remove(&nodes->index, node);
	node->flags &= (uint8_t)~NODE_HASHED;
}

static struct pt_gone_node *gone_add(struct pt_gone *gone, const struct pt_node *node, int fd)
{
	struct pt_gone_node *g = &gone->list[gone->count++];

	*g = (struct pt_gone_node){.fd = fd, .mount = node->mount, .flags = node->flags};
	return g;
}

/* Takes the node out of everything by which it could be found. */
static void go(struct pt_nodes *nodes, struct pt_node *node, struct pt_gone *gone)
{
	pt_node_unhash(nodes, node);
	if (node->flags & NODE_KEPT)
		pt_list_remove(nodes, &nodes->kept, node);
	node->flags = (uint8_t)((node->flags & ~NODE_KEPT) | NODE_GOING);
	gone_add(gone, node, node->fd >= 0 ? pt_node_detach(nodes, node) : -1)->node = node;
}

/* NFS clients may come back to it. */
static void keep(struct pt_nodes *nodes, struct pt_node *node, struct pt_gone *gone)
{
	struct pt_node *oldest;

	if (node->flags & NODE_KEPT)
		return;
	if (node->fd >= 0)
		gone_add(gone, node, pt_node_detach(nodes, node));
	node->flags |= NODE_KEPT;
	pt_list_append(nodes, &nodes->kept, node);
	if (nodes->kept.count <= KEPT_MAX)
		return;
	oldest = pt_nodes_at(nodes, nodes->kept.head - 1);
	/* One that is in use is without a place in the list once it has its descriptor. */
	if (oldest->uses == 0 && oldest->holds == 0)
		go(nodes, oldest, gone);
}

void pt_node_settle(struct pt *fs, struct pt_node *node, struct pt_gone *gone)
{
	bool export;

	if (node->nlookup > 0 || node->uses > 0 || node->holds > 0 || (node->flags & NODE_GOING))
		return;
	export = fs->options.export && node->handle_size > 0 && (node->flags & NODE_HASHED) &&
		 !(node->flags & PT_NODE_UNLINKED);
	if (export)
		keep(fs->nodes, node, gone);
	else
		go(fs->nodes, node, gone);
}

static void close_of(struct pt *fs, const struct pt_gone_node *g)
{
	enum pt_pace pace = pt_mount_at(&fs->source, g->mount)->pace;
	bool unlinked = g->flags & PT_NODE_UNLINKED;
	uint64_t blocks = UINT64_MAX;
	struct statx stx;

	if (unlinked && pace == PT_PACE_MEMORY && pt_sys_stat(g->fd, "", &stx) == 0)
		blocks = stx.stx_blocks;
	if (pt_close_is_slow(pace, unlinked, blocks))
		pt_reaper_close(fs, g->fd);
	else
		close(g->fd);
}

/* What others have of a node that is about to be freed. */
static void tell(struct pt *fs, struct pt_node *node)
{
	if (fs->watch && S_ISDIR((unsigned)node->type << 12))
		pt_watch_gone(fs, pt_node_id(node));
	if (fs->backing && S_ISREG((unsigned)node->type << 12))
		pt_backing_drop(fs, node);
}

void pt_gone_finish(struct pt *fs, struct pt_gone *gone)
{
	struct pt_nodes *nodes = fs->nodes;
	bool freed = false;

	for (unsigned i = 0; i < gone->count; i++) {
		if (gone->list[i].node) {
			freed = true;
			tell(fs, gone->list[i].node);
			pt_node_free_handle(gone->list[i].node);
		}
		if (gone->list[i].fd >= 0)
			close_of(fs, &gone->list[i]);
	}
	if (freed) {
		pthread_mutex_lock(&nodes->lock);
		for (unsigned i = 0; i < gone->count; i++)
			if (gone->list[i].node)
				pt_slab_give(&nodes->slab, gone->list[i].node->index);
		pthread_mutex_unlock(&nodes->lock);
	}
	gone->count = 0;
}

/* The lock is held. */
static void forget_one(struct pt *fs, const struct llfused_forget *f, struct pt_gone *gone)
{
	struct pt_node *node = pt_nodes_living(fs->nodes, f->nodeid);

	if (!node || node->index == 0)
		return;
	node->nlookup -= f->nlookup < node->nlookup ? f->nlookup : node->nlookup;
	pt_node_settle(fs, node, gone);
}

static void forget_list(struct pt *fs, const struct llfused_forget *list, size_t count)
{
	struct pt_gone gone;
	size_t at = 0;

	gone.count = 0;
	while (at < count) {
		pthread_mutex_lock(&fs->nodes->lock);
		/* One of them may take another with it. */
		while (at < count && gone.count + 2 <= PT_GONE_MAX)
			forget_one(fs, &list[at++], &gone);
		pthread_mutex_unlock(&fs->nodes->lock);
		pt_gone_finish(fs, &gone);
	}
}

void pt_node_forget(struct llfused_ctx *ctx, const struct llfused_forget *list, size_t count)
{
	forget_list(pt_of(ctx), list, count);
}

void pt_node_unlook(struct pt *fs, uint64_t nodeid)
{
	const struct llfused_forget one = {.nodeid = nodeid, .nlookup = 1};

	forget_list(fs, &one, 1);
}

void pt_node_unlinked(struct pt *fs, uint32_t mount, uint64_t ino)
{
	struct pt_nodes *nodes = fs->nodes;
	struct pt_node *node;
	bool idle;

	pthread_mutex_lock(&nodes->lock);
	node = pt_node_index_find(&nodes->index, mount, ino);
	if (node)
		node->flags |= PT_NODE_UNLINKED;
	/* An idle backing id would keep the blocks of the file. */
	idle = node && fs->backing && S_ISREG((unsigned)node->type << 12);
	if (idle)
		node->holds++;
	pthread_mutex_unlock(&nodes->lock);
	if (idle) {
		pt_backing_drop(fs, node);
		pt_node_drop(fs, node);
	}
}
