/*
 * Nodes while they are used: descriptors got and given back, nodes held.
 * Knows nothing of what is done with them.
 */
#include "node_table.h"

#include <errno.h>
#include <unistd.h>

#include "passthrough.h"

/* The node is pinned, without a descriptor: opens it by its handle.  The lock is held, and is
 * released meanwhile. */
static int come_back(struct pt *fs, struct pt_node *node)
{
	struct pt_nodes *nodes = fs->nodes;
	int mount_fd = pt_mount_at(&fs->source, node->mount)->fd;
	struct pt_handle handle;
	int fd;

	pt_node_read_handle(node, &handle);
	pthread_mutex_unlock(&nodes->lock);
	fd = pt_handle_open(mount_fd, &handle);
	if (fd == -EMFILE && pt_budget_squeeze(fs))
		fd = pt_handle_open(mount_fd, &handle);
	pthread_mutex_lock(&nodes->lock);
	if (fd == -ESTALE)
		pt_node_unhash(nodes, node);
	/* Somebody else may have done the same. */
	if (node->fd < 0) {
		if (fd < 0)
			return fd;
		pt_node_attach(nodes, node, fd);
		return 0;
	}
	if (fd >= 0) {
		pthread_mutex_unlock(&nodes->lock);
		close(fd);
		pthread_mutex_lock(&nodes->lock);
	}
	return 0;
}

/* With the lock held, which is released. */
static int take(struct pt *fs, struct pt_node *node, struct pt_ref *ref)
{
	struct pt_nodes *nodes = fs->nodes;
	struct pt_gone gone;
	bool over = false;
	int result = 0;

	gone.count = 0;
	node->uses++;
	if (node->fd < 0) {
		result = come_back(fs, node);
		over = pt_budget_over(fs);
	}
	if (result) {
		node->uses--;
		pt_node_settle(fs, node, &gone);
	} else {
		node->flags |= NODE_RECENT;
		*ref = (struct pt_ref){.node = node, .fd = node->fd};
	}
	pthread_mutex_unlock(&nodes->lock);
	pt_gone_finish(fs, &gone);
	if (over)
		pt_budget_trim(fs);
	return result;
}

int pt_node_get(struct pt *fs, uint64_t nodeid, struct pt_ref *ref)
{
	struct pt_node *node;

	pthread_mutex_lock(&fs->nodes->lock);
	node = pt_nodes_living(fs->nodes, nodeid);
	if (node)
		return take(fs, node, ref);
	pthread_mutex_unlock(&fs->nodes->lock);
	return -ESTALE;
}

int pt_node_begin(const struct llfused_ctx *ctx, uint64_t nodeid, enum pt_work work,
		  struct pt_ref *ref)
{
	struct pt *fs = pt_of(ctx);
	struct pt_node *node = NULL;
	int result = 0;

	pthread_mutex_lock(&fs->nodes->lock);
	if (work != PT_WORK_INODE)
		result = pt_budget_admit(fs, ctx->flags & LLFUSED_CTX_MAY_SLEEP);
	if (result == 0) {
		node = pt_nodes_living(fs->nodes, nodeid);
		result = -ESTALE;
	}
	if (node) {
		/* The inode may have to be read from the disk. */
		if (node->fd < 0 && work == PT_WORK_INODE)
			work = PT_WORK_LOOK;
		result = pt_source_pace(fs, ctx, node->mount, work);
		if (result == 0)
			return take(fs, node, ref);
	}
	pthread_mutex_unlock(&fs->nodes->lock);
	return result;
}

void pt_node_put(struct pt *fs, struct pt_ref *ref)
{
	struct pt_gone gone;

	gone.count = 0;
	pthread_mutex_lock(&fs->nodes->lock);
	ref->node->uses--;
	pt_node_settle(fs, ref->node, &gone);
	pthread_mutex_unlock(&fs->nodes->lock);
	pt_gone_finish(fs, &gone);
	*ref = (struct pt_ref){.fd = -1};
}

void pt_node_hold(struct pt *fs, struct pt_node *node)
{
	pthread_mutex_lock(&fs->nodes->lock);
	node->holds++;
	pthread_mutex_unlock(&fs->nodes->lock);
}

void pt_node_drop(struct pt *fs, struct pt_node *node)
{
	struct pt_gone gone;

	gone.count = 0;
	pthread_mutex_lock(&fs->nodes->lock);
	node->holds--;
	pt_node_settle(fs, node, &gone);
	pthread_mutex_unlock(&fs->nodes->lock);
	pt_gone_finish(fs, &gone);
}
