/*
 * ACLs as they hang on inodes: stored among the xattrs, felt in the mode, inherited by new inodes.
 * Knows nothing of who asks.
 */
#include "xattr_acl.h"

#include "acl.h"
#include "attr.h"
#include "blob.h"
#include "xattr.h"
#include "xattr_store.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

int xattr_is_acl(const char *name)
{
	return strcmp(name, ACL_NAME_ACCESS) == 0 || strcmp(name, ACL_NAME_DEFAULT) == 0;
}

static uint32_t flag_of(const char *name)
{
	return strcmp(name, ACL_NAME_ACCESS) == 0 ? INODE_ACL_ACCESS : INODE_ACL_DEFAULT;
}

/* An ACL that an inode has, by its flag. */
static void load(const struct memfs *fs, const struct inode *inode, const char *name,
		 struct acl *acl)
{
	const struct xattr *xattr = store_find(fs, inode, name);
	char value[ACL_MAX_BYTES];

	blob_read(&fs->slab, xattr->value, value, xattr->size);
	acl_parse(value, xattr->size, acl);
}

static int store(struct memfs *fs, struct inode *inode, const char *name, const struct acl *acl)
{
	char value[ACL_MAX_BYTES];
	int error;

	acl_format(acl, value);
	error = store_set(fs, inode, name, value, acl_bytes(acl), 0);
	if (!error)
		inode->flags |= flag_of(name);
	return error;
}

static void discard(struct memfs *fs, struct inode *inode, const char *name)
{
	if (inode->flags & flag_of(name))
		store_remove(fs, inode, name);
	inode->flags &= ~flag_of(name);
}

static int set_access(struct memfs *fs, struct inode *inode, const struct acl *acl)
{
	uint32_t mode = inode->mode;
	int error = 0;

	if (acl->count && acl_to_mode(acl, &mode))
		error = store(fs, inode, ACL_NAME_ACCESS, acl);
	else
		discard(fs, inode, ACL_NAME_ACCESS);
	if (!error)
		inode->mode = mode;
	return error;
}

static int set_default(struct memfs *fs, struct inode *inode, const struct acl *acl)
{
	if (acl->count)
		return store(fs, inode, ACL_NAME_DEFAULT, acl);
	discard(fs, inode, ACL_NAME_DEFAULT);
	return 0;
}

int xattr_set_acl(struct memfs *fs, struct inode *inode, const char *name, const void *value,
		  size_t size, uint32_t xflags)
{
	int is_access = flag_of(name) == INODE_ACL_ACCESS;
	struct acl acl;
	int error = acl_parse(value, size, &acl);

	if (error)
		return error;
	if (S_ISLNK(inode->mode))
		return -EOPNOTSUPP;
	if (!is_access && !S_ISDIR(inode->mode))
		return acl.count ? -EACCES : 0;
	error = is_access ? set_access(fs, inode, &acl) : set_default(fs, inode, &acl);
	if (error)
		return error;
	if (is_access && (xflags & LLFUSED_XATTR_ACL_KILL_SGID))
		inode->mode &= ~(uint32_t)S_ISGID;
	attr_touch(fs, inode);
	return 0;
}

void xattr_chmod_acl(struct memfs *fs, struct inode *inode)
{
	struct acl acl;
	char value[ACL_MAX_BYTES];

	if (!(inode->flags & INODE_ACL_ACCESS))
		return;
	load(fs, inode, ACL_NAME_ACCESS, &acl);
	acl_chmod(&acl, inode->mode);
	acl_format(&acl, value);
	blob_write(&fs->slab, store_find(fs, inode, ACL_NAME_ACCESS)->value, value,
		   acl_bytes(&acl));
}

void xattr_load_default(const struct memfs *fs, const struct inode *dir, struct acl *acl)
{
	acl->count = 0;
	if (dir->flags & INODE_ACL_DEFAULT)
		load(fs, dir, ACL_NAME_DEFAULT, acl);
}

int xattr_inherit(struct memfs *fs, struct inode *inode, struct acl *acl, uint32_t umask)
{
	int error = 0;

	if (S_ISLNK(inode->mode))
		return 0;
	if (!acl->count) {
		inode->mode &= ~(umask & 0777);
		return 0;
	}
	if (S_ISDIR(inode->mode))
		error = store(fs, inode, ACL_NAME_DEFAULT, acl);
	if (!error && acl_inherit(acl, &inode->mode))
		error = store(fs, inode, ACL_NAME_ACCESS, acl);
	return error;
}
