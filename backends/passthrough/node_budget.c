/*
 * Descriptors: how many nodes may have, and which of them give theirs up for a handle.
 * Knows nothing of how nodes come and go.
 */
#include "node_table.h"

#include <errno.h>
#include <unistd.h>

#include "clock.h"
#include "passthrough.h"
#include "system.h"

#define RESERVE     64u /* for what nobody counts: the daemon's own, those that last for one op */
#define LEAST       64u /* of nodes, however many files are open */
#define FILES_LEAST 32u /* of open files, however many nodes cannot give theirs up */
#define STEPS       64u /* nodes looked at, at a time, before it is given up */
#define WAIT        (PT_SECOND / 50)
#define WAITS       50u /* so often at most */
#define TRIM_MAX    8u  /* descriptors given up at a time: more than one op can bring */

/* Descriptors that nodes and files may have together. */
static uint32_t together(const struct pt *fs)
{
	uint32_t mounts = atomic_load_explicit(&fs->source.nmounts, memory_order_relaxed);
	uint32_t other = RESERVE + mounts;

	return fs->nodes->limit > 2 * other ? fs->nodes->limit - other : fs->nodes->limit / 2;
}

/* `wanted` of them, or less where there are few at all. */
static uint32_t part(const struct pt *fs, uint32_t wanted)
{
	uint32_t most = together(fs) / 4;

	return wanted < most ? wanted : most;
}

static uint32_t held(const struct pt_nodes *nodes)
{
	return nodes->warm.count + nodes->stuck.count;
}

bool pt_budget_room(const struct pt *fs, bool handles)
{
	uint32_t spare = handles ? 0 : part(fs, FILES_LEAST);

	return held(fs->nodes) + fs->nodes->files + spare < together(fs);
}

bool pt_budget_over(const struct pt *fs)
{
	const struct pt_nodes *nodes = fs->nodes;

	return held(nodes) > nodes->budget || held(nodes) + nodes->files > together(fs);
}

/* The coldest node that nobody uses, now last of all; NULL: none was found. */
static struct pt_node *coldest(struct pt_nodes *nodes, uint32_t steps)
{
	struct pt_node *node;
	bool spared;

	while (steps-- > 0 && nodes->warm.head) {
		node = pt_nodes_at(nodes, nodes->warm.head - 1);
		spared = node->uses > 0 || (node->flags & NODE_RECENT);
		node->flags &= (uint8_t)~NODE_RECENT;
		pt_list_remove(nodes, &nodes->warm, node);
		pt_list_append(nodes, &nodes->warm, node);
		if (!spared)
			return node;
	}
	return NULL;
}

/* May the descriptor be closed?  Then `handle` is that by which the inode is found again.  An inode
 * without a name would be lost. */
static int prepare(int fd, bool unlinked, struct pt_handle *handle)
{
	struct statx stx;

	if (unlinked && (pt_sys_stat(fd, "", &stx) || stx.stx_nlink == 0))
		return -EBUSY;
	return pt_handle_make(fd, handle);
}

/* With the outcome of prepare(): the descriptor to be closed, or -1.  The lock is held. */
static int give_up(struct pt_nodes *nodes, struct pt_node *node, int error,
		   const struct pt_handle *handle)
{
	if (!error && node->handle_size == 0)
		error = pt_node_keep_handle(node, handle);
	if (!error && node->uses == 0)
		return pt_node_detach(nodes, node);
	if (error == -EOPNOTSUPP || error == -EOVERFLOW) {
		pt_list_remove(nodes, &nodes->warm, node);
		node->flags |= NODE_STUCK;
		pt_list_append(nodes, &nodes->stuck, node);
	}
	return -1;
}

enum outcome { NOT_NEEDED, NONE_FOUND, NOT_GIVEN_UP, GIVEN_UP };

/* One node gives its descriptor up, if there must be one. */
static enum outcome trim_one(struct pt *fs, bool urgent)
{
	struct pt_nodes *nodes = fs->nodes;
	struct pt_gone gone;
	struct pt_handle handle;
	struct pt_node *node;
	bool needed, unlinked;
	int error = 0;
	int fd;

	gone.count = 0;
	pthread_mutex_lock(&nodes->lock);
	needed = urgent || pt_budget_over(fs);
	/* In need all are looked at, once to cool and once to go. */
	node = needed ? coldest(nodes, urgent ? 2 * nodes->warm.count : STEPS) : NULL;
	if (!node) {
		pthread_mutex_unlock(&nodes->lock);
		return needed ? NONE_FOUND : NOT_NEEDED;
	}
	unlinked = node->flags & PT_NODE_UNLINKED;
	if (node->handle_size == 0 || unlinked) {
		node->uses++;
		fd = node->fd;
		pthread_mutex_unlock(&nodes->lock);
		error = prepare(fd, unlinked, &handle);
		pthread_mutex_lock(&nodes->lock);
		node->uses--;
	}
	fd = give_up(nodes, node, error, &handle);
	pt_node_settle(fs, node, &gone);
	pthread_mutex_unlock(&nodes->lock);
	if (fd >= 0)
		close(fd);
	pt_gone_finish(fs, &gone);
	return fd >= 0 || gone.count > 0 ? GIVEN_UP : NOT_GIVEN_UP;
}

void pt_budget_trim(struct pt *fs)
{
	for (unsigned i = 0; i < TRIM_MAX && trim_one(fs, false) != NOT_NEEDED; i++)
		;
}

bool pt_budget_squeeze(struct pt *fs)
{
	enum outcome outcome = NOT_GIVEN_UP;

	for (unsigned i = 0; i < STEPS && outcome == NOT_GIVEN_UP; i++)
		outcome = trim_one(fs, true);
	return outcome == GIVEN_UP;
}

/* Nodes that cannot give up their descriptors leave no room for what one op may bring.  The lock is
 * held. */
static bool is_crowded(const struct pt *fs)
{
	uint32_t stuck = fs->nodes->stuck.count;
	uint32_t most = together(fs);
	uint32_t spare = most / 8 > LEAST ? most / 8 : part(fs, LEAST);

	spare += part(fs, FILES_LEAST);
	return stuck > part(fs, LEAST) && stuck + fs->nodes->files + spare > most;
}

/* Until a descriptor was given back, or some time has passed.  The lock is held. */
static void wait_freed(struct pt_nodes *nodes)
{
	nodes->waiting++;
	pt_clock_wait(&nodes->freed, &nodes->lock, pt_clock_now() + WAIT);
	nodes->waiting--;
}

int pt_budget_admit(struct pt *fs, bool may_sleep)
{
	struct pt_nodes *nodes = fs->nodes;

	if (!is_crowded(fs) || nodes->hopeless)
		return 0;
	if (!may_sleep)
		return LLFUSED_AGAIN;
	for (unsigned i = 0; i < WAITS && is_crowded(fs); i++) {
		pthread_mutex_unlock(&nodes->lock);
		pt_prune_ask(fs);
		pthread_mutex_lock(&nodes->lock);
		if (is_crowded(fs))
			wait_freed(nodes);
	}
	/* All are in use: one that waited in vain is enough. */
	nodes->hopeless = is_crowded(fs);
	return 0;
}

static bool take(struct pt *fs)
{
	struct pt_nodes *nodes = fs->nodes;
	bool taken;

	pthread_mutex_lock(&nodes->lock);
	taken = nodes->files + part(fs, LEAST) < together(fs) && pt_budget_room(fs, true);
	if (taken)
		nodes->files++;
	pthread_mutex_unlock(&nodes->lock);
	return taken;
}

int pt_node_fd_take(struct pt *fs)
{
	if (take(fs))
		return 0;
	if (pt_budget_squeeze(fs) && take(fs))
		return 0;
	/* For the next one. */
	pt_prune_ask(fs);
	return -EMFILE;
}

void pt_node_fd_free(struct pt *fs)
{
	pthread_mutex_lock(&fs->nodes->lock);
	fs->nodes->files--;
	pthread_mutex_unlock(&fs->nodes->lock);
}
