/*
 * Attributes of inodes: reporting them, and the rules of times and of clearing setuid.
 * Knows nothing of names.  Each function wants the inode's lock held.
 */
#ifndef MEMFS_ATTR_H
#define MEMFS_ATTR_H

#include "fs.h"

/* Reading: a shared lock is enough. */
void attr_fill(const struct memfs *fs, const struct inode *inode, struct llfused_attr *out);
/* The answer of ops that name an inode. */
void attr_entry(const struct memfs *fs, const struct inode *inode, struct llfused_entry *out);
void attr_count_lookup(struct inode *inode);
/* Both in one. */
void attr_enter(const struct memfs *fs, struct inode *inode, struct llfused_entry *out);
/* 1 when an access now has to move atime: as relatime has it, unless the mount says noatime. */
int attr_atime_is_old(const struct memfs *fs, const struct inode *inode);

/* Writing. */
void attr_set_time(struct inode *inode, int which, const struct timespec *time);
void attr_stamp(struct inode *inode, int mtime); /* ctime, and mtime if so, by our own clock */
void attr_touch(const struct memfs *fs, struct inode *inode); /* ctime, wherever it is kept */
/* 1 when the caller is root or in the inode's group: then setgid may stay. */
int attr_may_keep_setgid(const struct llfused_ctx *ctx, const struct inode *inode);
/* Clears setuid; setgid too where the group may execute or the caller is not in the group. */
void attr_kill_suidgid(const struct llfused_ctx *ctx, struct inode *inode);

/* Moves atime if it is old.  Takes the lock itself: none may be held. */
void attr_accessed(const struct memfs *fs, uint64_t nodeid);

/* Ops. */
int attr_getattr(struct llfused_ctx *ctx, uint64_t nodeid, const uint64_t *fh,
		 struct llfused_attr_out *out);
int attr_setattr(struct llfused_ctx *ctx, uint64_t nodeid, const struct llfused_setattr *set,
		 struct llfused_attr_out *out);

#endif
