/*
 * How inodes come to the node table: visited again, or made known.
 * Knows nothing of how they go.
 */
#include "node_table.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "passthrough.h"
#include "system.h"
#include "watch.h"

static uint64_t btime_of(const struct statx *stx)
{
	if (!(stx->stx_mask & STATX_BTIME))
		return 0;
	return (uint64_t)stx->stx_btime.tv_sec * UINT64_C(1000000000) + stx->stx_btime.tv_nsec;
}

static uint8_t type_of(const struct statx *stx)
{
	return (uint8_t)((stx->stx_mode & S_IFMT) >> 12);
}

struct pt_node *pt_nodes_new(struct pt_nodes *nodes, uint32_t mount, const struct statx *stx)
{
	uint32_t index = pt_slab_take(&nodes->slab);
	struct pt_node *node;

	if (index == PT_SLAB_NONE)
		return NULL;
	node = pt_nodes_at(nodes, index);
	node->index = index;
	node->fd = -1;
	node->ino = stx->stx_ino;
	node->btime = btime_of(stx);
	node->mount = (uint16_t)mount;
	node->type = type_of(stx);
	node->flags = NODE_HASHED;
	pt_node_index_add(&nodes->index, node);
	return node;
}

/* Does the inode look as the node did when it came?  Numbers of network file systems may be used
 * for two at a time. */
static bool looks_same(const struct pt_node *node, const struct statx *stx)
{
	uint64_t btime = btime_of(stx);

	return node->type == type_of(stx) &&
	       (node->btime == btime || node->btime == 0 || btime == 0);
}

/* The lock is held. */
static void count_lookup(struct pt_node *node, struct llfused_entry *out)
{
	/* One that is looked up for the first time is behind all others anyway. */
	if (node->nlookup++ > 0)
		node->flags |= NODE_RECENT;
	out->nodeid = pt_node_id(node);
	out->generation = node->generation;
}

bool pt_node_revisit(struct pt *fs, uint32_t mount, const struct statx *stx,
		     struct llfused_entry *out)
{
	struct pt_nodes *nodes = fs->nodes;
	struct pt_node *node;
	bool known;

	pthread_mutex_lock(&nodes->lock);
	node = pt_node_index_find(&nodes->index, mount, stx->stx_ino);
	known = node && node->fd >= 0 && looks_same(node, stx);
	if (known)
		count_lookup(node, out);
	pthread_mutex_unlock(&nodes->lock);
	return known;
}

struct entering {
	int fd; /* -1: the table has taken it */
	uint32_t mount;
	const struct statx *stx;
	struct llfused_entry *out;
	struct pt_handle handle;
	bool provided, has_handle;
	bool prune;     /* there are too many that cannot give up their descriptors */
	uint64_t watch; /* nodeid of a directory that is new */
};

/* What is known of a node that is pinned. */
struct met {
	int fd;                  /* -1: by handle */
	struct pt_handle handle; /* size 0: not made yet */
};

/* Both exist now, so what they are now tells them apart. */
static int looks_same_now(int fd, const struct statx *stx)
{
	struct statx now;
	int error = pt_sys_stat(fd, "", &now);

	if (error == -ESTALE)
		return 0;
	return error ? error : type_of(&now) == type_of(stx) && btime_of(&now) == btime_of(stx);
}

/* Is it the inode of e->fd?  The lock is not held.  1, 0, or an errno. */
static int is_same(struct met *met, const struct entering *e, bool handles)
{
	struct pt_handle *mine = &met->handle;
	struct pt_handle other;
	int error;

	if (mine->size == 0 && (!handles || pt_handle_make(met->fd, mine)))
		return looks_same_now(met->fd, e->stx);
	error = pt_handle_make(e->fd, &other);
	if (error)
		return error;
	return mine->size == other.size && mine->type == other.type &&
	       memcmp(mine->bytes, other.bytes, mine->size) == 0;
}

/* While a node has a descriptor its number cannot be used again, but on a server. */
static bool is_sure(const struct pt_node *node, const struct pt_mount *mount,
		    const struct statx *stx)
{
	return node->fd >= 0 && looks_same(node, stx) &&
	       !(mount->pace == PT_PACE_SLOW && mount->handles);
}

/* A node has the number of the inode.  -EAGAIN: it was another, and is out of the way.  The lock is
 * held, and is released meanwhile. */
static int meet(struct pt *fs, struct pt_node *node, struct entering *e, struct pt_gone *gone)
{
	struct pt_nodes *nodes = fs->nodes;
	const struct pt_mount *mount = pt_mount_at(&fs->source, e->mount);
	struct met met = {.fd = node->fd};
	int same = 1;

	node->uses++;
	if (!is_sure(node, mount, e->stx)) {
		pt_node_read_handle(node, &met.handle);
		pthread_mutex_unlock(&nodes->lock);
		same = is_same(&met, e, mount->handles);
		pthread_mutex_lock(&nodes->lock);
	}
	node->uses--;
	if (same == 1) {
		if (node->fd < 0) {
			pt_node_attach(nodes, node, e->fd);
			e->fd = -1;
		}
		node->btime = btime_of(e->stx);
		count_lookup(node, e->out);
		return 0;
	}
	if (same == 0)
		pt_node_unhash(nodes, node);
	pt_node_settle(fs, node, gone);
	return same == 0 ? -EAGAIN : same;
}

/* What a new node needs and is not to be had under the lock.  The lock is held, and is released
 * meanwhile; then the answer is -EAGAIN. */
static int provide(struct pt *fs, struct entering *e)
{
	bool handles = pt_mount_at(&fs->source, e->mount)->handles;
	bool room = pt_budget_room(fs, handles);

	if (e->provided || (room && !(handles && fs->options.export)))
		return 0;
	pthread_mutex_unlock(&fs->nodes->lock);
	if (handles)
		e->has_handle = pt_handle_make(e->fd, &e->handle) == 0;
	if (!room)
		pt_budget_squeeze(fs);
	e->provided = true;
	pthread_mutex_lock(&fs->nodes->lock);
	return -EAGAIN;
}

/* The inode is not known.  The lock is held. */
static int add(struct pt *fs, struct entering *e)
{
	struct pt_nodes *nodes = fs->nodes;
	bool handles = pt_mount_at(&fs->source, e->mount)->handles;
	bool room = pt_budget_room(fs, handles);
	struct pt_node *node;

	if (!room && !e->has_handle) {
		e->prune = true;
		return -EMFILE;
	}
	node = pt_nodes_new(nodes, e->mount, e->stx);
	if (!node)
		return -ENOMEM;
	node->generation = ++nodes->generation;
	if (e->has_handle && pt_node_keep_handle(node, &e->handle) && !room) {
		pt_node_unhash(nodes, node);
		pt_slab_give(&nodes->slab, node->index);
		return -ENOMEM;
	}
	if (room) {
		if (!handles)
			node->flags |= NODE_STUCK;
		pt_node_attach(nodes, node, e->fd);
		e->fd = -1;
		e->prune = (node->flags & NODE_STUCK) && pt_prune_due(nodes);
	}
	if (fs->watch && S_ISDIR(e->stx->stx_mode))
		e->watch = pt_node_id(node);
	count_lookup(node, e->out);
	return 0;
}

static void watch_new(struct pt *fs, uint64_t nodeid)
{
	struct pt_ref ref;

	if (pt_node_get(fs, nodeid, &ref))
		return;
	pt_watch_dir(fs, nodeid, ref.fd);
	pt_node_put(fs, &ref);
}

int pt_node_enter(struct pt *fs, int fd, uint32_t mount, const struct statx *stx,
		  struct llfused_entry *out)
{
	struct pt_nodes *nodes = fs->nodes;
	struct entering e = {.fd = fd, .mount = mount, .stx = stx, .out = out};
	struct pt_gone gone;
	struct pt_node *node;
	bool over;
	int result;

	gone.count = 0;
	pthread_mutex_lock(&nodes->lock);
	do {
		node = pt_node_index_find(&nodes->index, mount, stx->stx_ino);
		result = node ? meet(fs, node, &e, &gone) : provide(fs, &e);
		if (!node && result == 0)
			result = add(fs, &e);
	} while (result == -EAGAIN && gone.count + 2 <= PT_GONE_MAX);
	/* others keep taking the number: whoever asks may look again */
	if (result == -EAGAIN)
		result = -ESTALE;
	over = pt_budget_over(fs);
	pthread_mutex_unlock(&nodes->lock);
	pt_gone_finish(fs, &gone);
	if (e.fd >= 0)
		close(e.fd);
	if (over)
		pt_budget_trim(fs);
	if (e.prune)
		pt_prune_ask(fs);
	if (e.watch)
		watch_new(fs, e.watch);
	return result;
}
