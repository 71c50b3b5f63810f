/*
 * The instance of the passthrough backend: what its parts share.  Each part has a header of its
 * own; the order of locks and the way of an op are told here.
 *
 * The way of an op: pt_node_get() gives the inode's descriptor (an O_PATH one), the op works on it
 * with *at calls on one component, pt_node_put() gives it back.  Nothing here resolves a path:
 * names come from the kernel without '/', symbolic links are never followed, ".." is opened by
 * export only, which checks where it leads.
 *
 * Locks, taken in this order: a node's file lock (file.c), the node table's (node.c), the mount
 * table's (source.c).  No system call that can sleep is made under the latter two.
 */
#ifndef PASSTHROUGH_H
#define PASSTHROUGH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <llfused/backend.h>

#include "node.h"
#include "options.h"
#include "source.h"

struct pt_backing;
struct pt_engine;
struct pt_files;
struct pt_dirs;
struct pt_locks;
struct pt_reaper;
struct pt_watch;

struct pt {
	struct pt_options options;
	struct pt_source source;
	struct pt_nodes *nodes;
	struct pt_files *files; /* open files */
	struct pt_dirs *dirs;   /* open directories */
	struct pt_backing
		*backing;         /* registered files of kernel passthrough; NULL: there is none */
	struct pt_engine *engine; /* reads, writes and syncs that would sleep */
	struct pt_reaper *reaper; /* closes what takes long to close */
	struct pt_watch *watch;   /* -o watch; NULL without */
	struct pt_locks *locks;   /* locks=source; NULL without */
	int proc_fd;              /* /proc/self/fd, to open O_PATH descriptors anew */
	bool stuck;               /* a thread of ours did not end: nothing is freed any more */
	bool can_switch;          /* may take the caller's uid and gid: root */
	uint64_t own_dev;         /* st_dev of our mount: never entered; 0 before init() */
	uint32_t wants;           /* LLFUSED_WANT_* in force */
	uint32_t mount_flags;     /* LLFUSED_MOUNT_* */
};

extern const struct llfused_backend pt_backend;

static inline struct pt *pt_of(const struct llfused_ctx *ctx)
{
	return ctx->fs;
}

#endif
