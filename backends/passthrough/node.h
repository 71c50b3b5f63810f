/*
 * The inodes that the kernel knows: found by nodeid, or by where they lie on the source, with their
 * lookup counts.  Each is held by an O_PATH descriptor within a budget, beyond it by a file handle.
 * It knows nothing of names.
 *
 * An inode number that is used again is never taken for the old file: while a node has a descriptor
 * its number cannot be used again, and without one the file handles (with their generation) are
 * compared.
 */
#ifndef PASSTHROUGH_NODE_H
#define PASSTHROUGH_NODE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <llfused/backend.h>

#include "source.h"

struct pt;
struct pt_file_state;

#define PT_NODE_UNLINKED 1u /* a name of it was removed through us: its last close may be slow */

/* Others read ino, mount, type; `files` is file.c's, and the rest is the table's.  With hash and
 * slab about 100 bytes, handles longer than those of tmpfs, ext4, xfs and btrfs apart. */
struct pt_node {
	uint64_t ino;   /* on the source */
	uint64_t btime; /* ns; 0: not known */
	uint64_t nlookup;
	struct pt_file_state *files;   /* file.c's, under its lock; NULL: not open */
	uint32_t index;                /* its nodeid - LLFUSED_ROOT_ID */
	uint32_t generation;           /* (index, generation) is never used again */
	uint32_t hash_next;            /* as all three: index + 1, 0: none */
	uint32_t list_prev, list_next; /* of those with a descriptor, by how long it was not used */
	uint32_t uses;  /* pt_node_get() without pt_node_put(): the descriptor stays */
	uint32_t holds; /* pt_node_hold() without pt_node_drop() */
	int32_t fd;     /* O_PATH; -1: by handle */
	uint16_t mount;
	uint8_t type;  /* S_IFMT >> 12 */
	uint8_t flags; /* PT_NODE_* and the table's own */
	uint8_t handle_type;
	uint8_t handle_size; /* 0: not made yet */
	uint8_t handle[26];  /* or a pointer to more */
};

struct pt_nodes;

/*
 * Makes the table, with the source's root as LLFUSED_ROOT_ID (root_fd is duplicated).  Raises
 * RLIMIT_NOFILE to its hard limit and sets the budgets: at most half of it for nodes.
 */
int pt_nodes_open(struct pt *fs, struct llfused_error *error);
void pt_nodes_close(struct pt *fs);

/*
 * Visits an inode that is known and held by a descriptor, by what statx(parent, name) has told: its
 * lookup count rises, out->nodeid and out->generation are set.  false: it is not known, or not for
 * sure; then the caller opens it (O_PATH | O_NOFOLLOW), asks statx of the descriptor and calls
 * pt_node_enter().
 */
bool pt_node_revisit(struct pt *fs, uint32_t mount, const struct statx *stx,
		     struct llfused_entry *out);

/*
 * Finds or makes the node of the inode behind `fd` (O_PATH, taken over whatever happens) with its
 * statx; its lookup count rises, out->nodeid and out->generation are set.  0, -ENOMEM, or -EMFILE
 * when descriptors are used up by open files.
 */
int pt_node_enter(struct pt *fs, int fd, uint32_t mount, const struct statx *stx,
		  struct llfused_entry *out);

/* Takes `nlookup` back; the node may go.  As the op: never fails. */
void pt_node_forget(struct llfused_ctx *ctx, const struct llfused_forget *list, size_t count);
/* Takes one back: for an entry whose op failed after all. */
void pt_node_unlook(struct pt *fs, uint64_t nodeid);

/* A node with a descriptor that stays as it is, and open, until pt_node_put(). */
struct pt_ref {
	struct pt_node *node;
	int fd; /* O_PATH */
};

/* 0, -ESTALE (no such node, or its inode is gone), -EMFILE, -ENOMEM.  May sleep only if the node is
 * held by a handle: its mount's pace says how long. */
int pt_node_get(struct pt *fs, uint64_t nodeid, struct pt_ref *ref);
void pt_node_put(struct pt *fs, struct pt_ref *ref);

/* pt_node_get() at the start of an op, after pt_source_pace() for its mount: may be LLFUSED_AGAIN.
 * When descriptors are nearly used up by nodes without handles, works other than PT_WORK_INODE,
 * which may bring more of them, wait here for some to go (a second at most). */
int pt_node_begin(const struct llfused_ctx *ctx, uint64_t nodeid, enum pt_work work,
		  struct pt_ref *ref);

/* Keeps a node alive beyond its lookup count, without a descriptor: for open files.  The last drop
 * may close and free. */
void pt_node_hold(struct pt *fs, struct pt_node *node);
void pt_node_drop(struct pt *fs, struct pt_node *node);

/* The node by nodeid, alive by the caller's hold, get, or lookup count; NULL: none. */
struct pt_node *pt_node_at(const struct pt *fs, uint64_t nodeid);
static inline uint64_t pt_node_id(const struct pt_node *node)
{
	return LLFUSED_ROOT_ID + node->index;
}

/* The nodeid of the inode that lies there, without raising its count, or 0: for watch.  The answer
 * may be outdated as soon as it is given. */
uint64_t pt_node_look(struct pt *fs, uint32_t mount, uint64_t ino);

/* The next nodeid after this one (0: the first) that the kernel knows, with its type (S_IFMT), or
 * 0: that was the last.  Those that come and go meanwhile may be missed. */
uint64_t pt_node_next(struct pt *fs, uint64_t nodeid, mode_t *type);

/* A name of the inode was removed through us.  What is not known is no error.  Not with a lock of
 * backing.c held. */
void pt_node_unlinked(struct pt *fs, uint32_t mount, uint64_t ino);

/* Open files may have as many descriptors as are not the nodes': before a file is opened.  0 or
 * -EMFILE; pt_node_fd_free() after it was closed. */
int pt_node_fd_take(struct pt *fs);
void pt_node_fd_free(struct pt *fs);

/* For the log: how many nodes, and how many descriptors of theirs. */
void pt_node_count(struct pt *fs, uint64_t *nodes, uint64_t *fds);

#endif
