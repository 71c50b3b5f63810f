/*
 * Extended attributes, and what the ACLs among them mean for modes.
 * Knows nothing of names of files.  All but the ops want the inode's lock held exclusively.
 */
#ifndef MEMFS_XATTR_H
#define MEMFS_XATTR_H

#include "acl.h"
#include "fs.h"

/* Frees all of them.  The inode is dead or new. */
void xattr_free(struct memfs *fs, struct inode *inode);
/* After a change of mode: the access ACL follows. */
void xattr_chmod_acl(struct memfs *fs, struct inode *inode);
/* A write or a change of owner takes the file capabilities away. */
void xattr_kill_capability(struct memfs *fs, struct inode *inode);
/* The default ACL of a directory; count 0 when it has none.  A shared lock is enough. */
void xattr_load_default(const struct memfs *fs, const struct inode *dir, struct acl *acl);
/*
 * A new inode with its full mode: gets what the default ACL above says (*acl is used up), or loses
 * the bits of the umask when that is empty.  0 or -ENOSPC.
 */
int xattr_inherit(struct memfs *fs, struct inode *inode, struct acl *acl, uint32_t umask);
/* Stores the security labels that came with a create.  0 or a negative errno. */
int xattr_label(struct memfs *fs, struct inode *inode, const struct llfused_ctx *ctx);

/* Ops. */
int xattr_setxattr(struct llfused_ctx *ctx, uint64_t nodeid, const char *name, const void *value,
		   size_t size, uint32_t flags, uint32_t xflags);
int xattr_getxattr(struct llfused_ctx *ctx, uint64_t nodeid, const char *name,
		   struct llfused_buf *value);
int xattr_listxattr(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_buf *names);
int xattr_removexattr(struct llfused_ctx *ctx, uint64_t nodeid, const char *name);

#endif
