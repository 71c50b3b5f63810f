/*
 * ACLs as they hang on inodes: stored among the xattrs, felt in the mode.
 * Only xattr.c includes this.  The inode's lock is held exclusively.
 */
#ifndef MEMFS_XATTR_ACL_H
#define MEMFS_XATTR_ACL_H

#include "fs.h"

/* 1 when the name is that of an ACL. */
int xattr_is_acl(const char *name);
/* An empty value removes.  0, -EINVAL, -EOPNOTSUPP, -EACCES, -E2BIG, -ENOSPC. */
int xattr_set_acl(struct memfs *fs, struct inode *inode, const char *name, const void *value,
		  size_t size, uint32_t xflags);

#endif
