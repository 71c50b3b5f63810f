/*
 * The node table: its life, and what is found in it.
 * Knows nothing of how nodes come and go.
 */
#include "node_table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "clock.h"
#include "passthrough.h"
#include "system.h"

#define NODES_MAX  (UINT32_C(1) << 28)
#define BUDGET_MAX 262144u /* each of them keeps an inode of the source in memory */

/* As many as the hard limit allows. */
static uint32_t raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 1024;
	if (limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		/* What cannot be raised counts as it is. */
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0 && getrlimit(RLIMIT_NOFILE, &limit) < 0)
			return 1024;
	}
	return limit.rlim_cur > INT32_MAX ? INT32_MAX : (uint32_t)limit.rlim_cur;
}

/* Never counted, never in a list, never without its descriptor.  The kernel gives the root the
 * generation 0. */
static int add_root(struct pt *fs)
{
	struct pt_node *root;
	struct statx stx;
	int error = pt_sys_stat(fs->source.root_fd, "", &stx);
	int fd;

	if (error)
		return error;
	fd = fcntl(fs->source.root_fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	root = pt_nodes_new(fs->nodes, 0, &stx);
	if (!root) {
		close(fd);
		return -ENOMEM;
	}
	root->fd = fd;
	root->nlookup = 1;
	return 0;
}

static int open_table(struct pt_nodes *nodes)
{
	int error = pt_slab_open(&nodes->slab, sizeof(struct pt_node), NODES_MAX);

	if (error)
		return error;
	error = pt_node_index_open(&nodes->index, &nodes->slab);
	if (error)
		pt_slab_close(&nodes->slab);
	return error;
}

int pt_nodes_open(struct pt *fs, struct llfused_error *error)
{
	struct pt_nodes *nodes = calloc(1, sizeof(*nodes));
	int result = nodes ? open_table(nodes) : -ENOMEM;

	if (result) {
		free(nodes);
		snprintf(error->text, sizeof(error->text),
			 "no memory for the table of inodes: raise the limit on address space "
			 "(ulimit -v)");
		return result;
	}
	pthread_mutex_init(&nodes->lock, NULL);
	pt_clock_cond_init(&nodes->freed);
	nodes->limit = raise_limit();
	nodes->budget = nodes->limit / 2 < BUDGET_MAX ? nodes->limit / 2 : BUDGET_MAX;
	fs->nodes = nodes;
	result = add_root(fs);
	if (result) {
		snprintf(error->text, sizeof(error->text), "source '%.100s': %s", fs->source.path,
			 strerror(-result));
		pt_nodes_close(fs);
	}
	return result;
}

void pt_nodes_close(struct pt *fs)
{
	struct pt_nodes *nodes = fs->nodes;
	struct pt_node *node;

	if (!nodes)
		return;
	for (uint32_t i = 0; i < nodes->slab.used; i++) {
		if (!pt_slab_in_use(&nodes->slab, i))
			continue;
		node = pt_nodes_at(nodes, i);
		if (node->fd >= 0)
			close(node->fd);
		pt_node_free_handle(node);
	}
	pt_node_index_close(&nodes->index);
	pt_slab_close(&nodes->slab);
	pthread_cond_destroy(&nodes->freed);
	pthread_mutex_destroy(&nodes->lock);
	free(nodes);
	fs->nodes = NULL;
}

struct pt_node *pt_nodes_living(const struct pt_nodes *nodes, uint64_t nodeid)
{
	uint64_t index = nodeid - LLFUSED_ROOT_ID;
	struct pt_node *node;

	if (index >= nodes->slab.used || !pt_slab_in_use(&nodes->slab, (uint32_t)index))
		return NULL;
	node = pt_nodes_at(nodes, (uint32_t)index);
	return node->flags & NODE_GOING ? NULL : node;
}

struct pt_node *pt_node_at(const struct pt *fs, uint64_t nodeid)
{
	struct pt_node *node;

	pthread_mutex_lock(&fs->nodes->lock);
	node = pt_nodes_living(fs->nodes, nodeid);
	pthread_mutex_unlock(&fs->nodes->lock);
	return node;
}

uint64_t pt_node_look(struct pt *fs, uint32_t mount, uint64_t ino)
{
	struct pt_node *node;
	uint64_t nodeid = 0;

	pthread_mutex_lock(&fs->nodes->lock);
	node = pt_node_index_find(&fs->nodes->index, mount, ino);
	if (node && node->nlookup > 0)
		nodeid = pt_node_id(node);
	pthread_mutex_unlock(&fs->nodes->lock);
	return nodeid;
}

void pt_node_count(struct pt *fs, uint64_t *count, uint64_t *fds)
{
	struct pt_nodes *nodes = fs->nodes;

	pthread_mutex_lock(&nodes->lock);
	*count = nodes->slab.count;
	*fds = (uint64_t)nodes->warm.count + nodes->stuck.count + 1;
	pthread_mutex_unlock(&nodes->lock);
}
