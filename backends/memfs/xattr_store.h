/*
 * The list of extended attributes of one inode: finding, storing, removing.
 * Only xattr*.c include this.  The inode's lock is held: shared for finding, else exclusive.
 */
#ifndef MEMFS_XATTR_STORE_H
#define MEMFS_XATTR_STORE_H

#include "fs.h"

struct xattr {
	uint32_t next;
	uint32_t value; /* blob */
	uint32_t size;
	uint16_t name_size;
	char name[]; /* without a NUL */
};

/* The attribute, or NULL. */
struct xattr *store_find(const struct memfs *fs, const struct inode *inode, const char *name);
/* flags as in setxattr(2).  0, -EEXIST, -ENODATA, -ENOSPC; on an error nothing has changed. */
int store_set(struct memfs *fs, struct inode *inode, const char *name, const void *value,
	      size_t size, uint32_t flags);
/* 0 or -ENODATA. */
int store_remove(struct memfs *fs, struct inode *inode, const char *name);
/* The one after `xattr` (NULL: the first), NULL at the end. */
struct xattr *store_next(const struct memfs *fs, const struct inode *inode,
			 const struct xattr *xattr);

#endif
