/*
 * Targets of symbolic links.  Knows nothing of names; each function wants the inode's lock held.
 */
#ifndef MEMFS_SYMLINK_H
#define MEMFS_SYMLINK_H

#include "fs.h"

/* 0, -ENOSPC or -ENAMETOOLONG; the inode is a new one. */
int symlink_set(struct memfs *fs, struct inode *inode, const char *target);
void symlink_free(struct memfs *fs, struct inode *inode);
/* Data pages that the target counts for: tmpfs puts long ones into a page. */
uint64_t symlink_pages(const struct inode *inode);

/* Op; takes the lock itself. */
int symlink_readlink(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_buf *target);

#endif
