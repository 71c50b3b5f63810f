/*
 * Extended attributes: the ops, namespaces, labels of new inodes.
 * Knows nothing of names of files.
 */
#include "xattr.h"

#include "attr.h"
#include "blob.h"
#include "xattr_acl.h"
#include "xattr_store.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define LONGEST_NAME  255
#define LONGEST_VALUE 65536

#define CAPABILITY "security.capability"

static int has_prefix(const char *name, size_t size, const char *prefix)
{
	size_t length = strlen(prefix);

	return size >= length && memcmp(name, prefix, length) == 0;
}

/* 0 when such an attribute can exist. */
static int check_name(const char *name)
{
	static const char *const spaces[] = {"user.", "trusted.", "security."};
	size_t size = strlen(name);

	if (size > LONGEST_NAME)
		return -ERANGE;
	if (xattr_is_acl(name))
		return 0;
	for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++)
		if (has_prefix(name, size, spaces[i]))
			return name[strlen(spaces[i])] ? 0 : -EINVAL;
	return -EOPNOTSUPP;
}

void xattr_free(struct memfs *fs, struct inode *inode)
{
	while (inode->xattrs) {
		const struct xattr *first = store_next(fs, inode, NULL);
		char name[LONGEST_NAME + 1];

		memcpy(name, first->name, first->name_size);
		name[first->name_size] = '\0';
		store_remove(fs, inode, name);
	}
}

void xattr_kill_capability(struct memfs *fs, struct inode *inode)
{
	if (inode->xattrs)
		store_remove(fs, inode, CAPABILITY);
}

int xattr_label(struct memfs *fs, struct inode *inode, const struct llfused_ctx *ctx)
{
	int error = 0;

	for (size_t i = 0; i < ctx->nsecctx && !error; i++) {
		const struct llfused_secctx *label = &ctx->secctx[i];

		error = check_name(label->name);
		if (!error && (xattr_is_acl(label->name) || label->size > LONGEST_VALUE))
			error = -EINVAL;
		if (!error)
			error = store_set(fs, inode, label->name, label->value, label->size, 0);
	}
	return error;
}

int xattr_setxattr(struct llfused_ctx *ctx, uint64_t nodeid, const char *name, const void *value,
		   size_t size, uint32_t flags, uint32_t xflags)
{
	struct memfs *fs = ctx->fs;
	int error = check_name(name);
	struct inode *inode;

	if (!error && size > LONGEST_VALUE)
		error = -E2BIG;
	if (error)
		return error;
	inode = inode_get(&fs->inodes, nodeid);
	if (!inode)
		return -ESTALE;
	if (xattr_is_acl(name)) {
		error = xattr_set_acl(fs, inode, name, value, size, xflags);
	} else {
		error = store_set(fs, inode, name, value, size, flags);
		if (!error)
			attr_touch(fs, inode);
	}
	inode_unlock(&fs->inodes, inode);
	return error;
}

static int get_value(const struct memfs *fs, const struct inode *inode, const char *name,
		     struct llfused_buf *value)
{
	const struct xattr *xattr;

	if (S_ISLNK(inode->mode) && xattr_is_acl(name))
		return -EOPNOTSUPP;
	xattr = store_find(fs, inode, name);
	if (!xattr)
		return -ENODATA;
	value->len = xattr->size;
	if (value->cap == 0)
		return 0;
	if (value->cap < xattr->size)
		return -ERANGE;
	blob_read(&fs->slab, xattr->value, value->data, xattr->size);
	return 0;
}

int xattr_getxattr(struct llfused_ctx *ctx, uint64_t nodeid, const char *name,
		   struct llfused_buf *value)
{
	const struct memfs *fs = ctx->fs;
	int error = check_name(name);
	struct inode *inode;

	if (error)
		return error;
	inode = inode_get_shared(&fs->inodes, nodeid);
	if (!inode)
		return -ESTALE;
	error = get_value(fs, inode, name, value);
	inode_unlock_shared(&fs->inodes, inode);
	return error;
}

/*
 * tmpfs shows trusted names to those with CAP_SYS_ADMIN only.  A request does not say who has it;
 * root is the nearest that can be known.
 */
static int is_hidden(const struct llfused_ctx *ctx, const struct xattr *xattr)
{
	return ctx->uid != 0 && has_prefix(xattr->name, xattr->name_size, "trusted.");
}

static int list(const struct llfused_ctx *ctx, const struct memfs *fs, const struct inode *inode,
		struct llfused_buf *names)
{
	const struct xattr *xattr = NULL;
	char *to = names->data;
	size_t at = 0;

	while ((xattr = store_next(fs, inode, xattr))) {
		if (is_hidden(ctx, xattr))
			continue;
		if (names->cap) {
			if (names->cap - at < xattr->name_size + 1u)
				return -ERANGE;
			memcpy(to + at, xattr->name, xattr->name_size);
			to[at + xattr->name_size] = '\0';
		}
		at += xattr->name_size + 1u;
	}
	names->len = at;
	return 0;
}

int xattr_listxattr(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_buf *names)
{
	const struct memfs *fs = ctx->fs;
	struct inode *inode = inode_get_shared(&fs->inodes, nodeid);
	int error;

	if (!inode)
		return -ESTALE;
	error = list(ctx, fs, inode, names);
	inode_unlock_shared(&fs->inodes, inode);
	return error;
}

/* A removal carries no flag about setgid, as setting does: whether it stays is found out here. */
static int remove_acl(const struct llfused_ctx *ctx, struct inode *inode, const char *name)
{
	uint32_t xflags = attr_may_keep_setgid(ctx, inode) ? 0 : LLFUSED_XATTR_ACL_KILL_SGID;

	return xattr_set_acl(ctx->fs, inode, name, NULL, 0, xflags);
}

static int remove_plain(struct memfs *fs, struct inode *inode, const char *name)
{
	int error = store_remove(fs, inode, name);

	if (error)
		return error;
	attr_touch(fs, inode);
	if (strcmp(name, CAPABILITY) == 0)
		inode->flags |= INODE_CAP_REMOVED;
	return 0;
}

int xattr_removexattr(struct llfused_ctx *ctx, uint64_t nodeid, const char *name)
{
	struct memfs *fs = ctx->fs;
	int error = check_name(name);
	struct inode *inode;

	if (error)
		return error;
	inode = inode_get(&fs->inodes, nodeid);
	if (!inode)
		return -ESTALE;
	if (xattr_is_acl(name))
		error = remove_acl(ctx, inode, name);
	else
		error = remove_plain(fs, inode, name);
	inode_unlock(&fs->inodes, inode);
	return error;
}
