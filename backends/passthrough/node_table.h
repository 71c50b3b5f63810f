/*
 * The node table from within: for the node*.c files only.  One lock for all of it; what may sleep
 * happens between two sections under it, with the node pinned by `uses`.
 */
#ifndef PASSTHROUGH_NODE_TABLE_H
#define PASSTHROUGH_NODE_TABLE_H

#include "handle.h"
#include "node.h"
#include "node_index.h"
#include "slab.h"

/* Further flags of a node. */
#define NODE_RECENT 0x02u /* used since the eviction last passed by */
#define NODE_STUCK  0x04u /* with a descriptor: there is no handle to come back by */
#define NODE_HASHED 0x08u /* else its number was used again, or its inode is gone */
#define NODE_KEPT   0x10u /* forgotten, kept for NFS */
#define NODE_GOING  0x20u /* forgotten, about to be freed */

/* A list through list_prev and list_next: index + 1, 0: none. */
struct pt_node_list {
	uint32_t head, tail, count;
};

struct pt_nodes {
	pthread_mutex_t lock;
	struct pt_slab slab;
	struct pt_node_index index;
	uint32_t generation; /* the last one given out */

	/* Nodes with a descriptor, but the root: coldest first, more or less. */
	struct pt_node_list warm;  /* may give it up for their handle */
	struct pt_node_list stuck; /* may not */
	struct pt_node_list kept;  /* without one; oldest first */

	uint32_t limit;   /* descriptors for nodes, files and mounts together */
	uint32_t budget;  /* nodes should not have more */
	uint32_t files;   /* descriptors that others took */
	uint32_t since;   /* stuck nodes that came since the kernel was last asked to forget some */
	bool no_prune;    /* it cannot be asked by nodeid */
	bool hopeless;    /* none was given back while somebody waited */
	unsigned waiting; /* threads that wait for `freed` */
	pthread_cond_t freed; /* a descriptor was given back */
};

#define PT_GONE_MAX 32

/* Nodes to be freed, and descriptors to be closed, once the lock is released. */
struct pt_gone {
	struct pt_gone_node {
		struct pt_node *node; /* GOING; NULL: only `fd` */
		int fd;               /* -1: none */
		uint16_t mount;
		uint8_t flags;
	} list[PT_GONE_MAX];
	unsigned count;
};

static inline struct pt_node *pt_nodes_at(const struct pt_nodes *nodes, uint32_t index)
{
	return pt_slab_at(&nodes->slab, index);
}

/* The node of a nodeid, if it is not on its way out; NULL: none.  The lock is held. */
struct pt_node *pt_nodes_living(const struct pt_nodes *nodes, uint64_t nodeid);

/* A node that can be found, without a descriptor; NULL: no memory.  The lock is held. */
struct pt_node *pt_nodes_new(struct pt_nodes *nodes, uint32_t mount, const struct statx *stx);

/* ---- node_list.c: all with the lock held ---- */

void pt_list_append(struct pt_nodes *nodes, struct pt_node_list *list, struct pt_node *node);
void pt_list_remove(struct pt_nodes *nodes, struct pt_node_list *list, struct pt_node *node);

/* The node takes the descriptor over, or gives it up. */
void pt_node_attach(struct pt_nodes *nodes, struct pt_node *node, int fd);
int pt_node_detach(struct pt_nodes *nodes, struct pt_node *node);

/* The node's handle: stored (0 or -ENOMEM), read, freed. */
int pt_node_keep_handle(struct pt_node *node, const struct pt_handle *handle);
void pt_node_read_handle(const struct pt_node *node, struct pt_handle *handle);
void pt_node_free_handle(struct pt_node *node);

/* ---- node_budget.c ---- */

/* Is there room for one more descriptor?  Not all of it is for nodes that cannot give theirs up for
 * a handle.  The lock is held. */
bool pt_budget_room(const struct pt *fs, bool handles);
/* Do nodes have more than they should?  The lock is held. */
bool pt_budget_over(const struct pt *fs);
/* Some nodes give their descriptors up, if there are too many.  The lock is not held. */
void pt_budget_trim(struct pt *fs);
/* One does in any case; false: none can.  The lock is not held. */
bool pt_budget_squeeze(struct pt *fs);

/* Before an op that may bring new nodes: 0, or LLFUSED_AGAIN if that must wait, and this thread may
 * not, until the kernel has forgotten some that cannot give up their descriptors.  One that may has
 * waited, but not for ever.  The lock is held, and is released meanwhile. */
int pt_budget_admit(struct pt *fs, bool may_sleep);

/* ---- node_prune.c ---- */

/* A stuck node came: should the kernel be asked to forget some?  The lock is held. */
bool pt_prune_due(struct pt_nodes *nodes);
/* Asks it.  The lock is not held. */
void pt_prune_ask(struct pt *fs);
/* Has the kernel forget entries by name, where it cannot be asked by nodeid: the reaper's thread.
 */
void pt_prune_by_name(struct pt *fs);

/* ---- node_sweep.c ---- */

/* Has the kernel forget files that were removed behind us, if nobody uses them: the reaper's
 * thread, now and then. */
void pt_node_sweep(struct pt *fs, const atomic_bool *stop);

/* ---- node_forget.c ---- */

/* Removes the node if nobody needs it any more.  The lock is held, and there must be room in
 * `gone`; pt_gone_finish() follows once it is released. */
void pt_node_settle(struct pt *fs, struct pt_node *node, struct pt_gone *gone);
/* Its number belongs to another inode, or its inode is gone.  The lock is held. */
void pt_node_unhash(struct pt_nodes *nodes, struct pt_node *node);
/* The lock is not held. */
void pt_gone_finish(struct pt *fs, struct pt_gone *gone);

#endif
