/*
 * The list of extended attributes of one inode.
 * Knows nothing of namespaces and of what values mean.
 */
#include "xattr_store.h"

#include "acl.h"
#include "blob.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

/* Inode space as tmpfs counts it; ACLs are not counted. */
static size_t space_of(const char *name, size_t name_size, size_t size)
{
	if (strncmp(name, "system.", 7) == 0)
		return 0;
	return 40 + name_size + size;
}

static struct xattr *at(const struct memfs *fs, uint32_t ref)
{
	return ref ? slab_at(&fs->slab, ref) : NULL;
}

static int is_named(const struct xattr *xattr, const char *name, size_t size)
{
	return xattr->name_size == size && memcmp(xattr->name, name, size) == 0;
}

/* The link that holds the attribute's reference, or the one at the end. */
static uint32_t *link_to(const struct memfs *fs, struct inode *inode, const char *name)
{
	uint32_t *link = &inode->xattrs;
	size_t size = strlen(name);

	while (*link && !is_named(at(fs, *link), name, size))
		link = &at(fs, *link)->next;
	return link;
}

struct xattr *store_next(const struct memfs *fs, const struct inode *inode,
			 const struct xattr *xattr)
{
	return at(fs, xattr ? xattr->next : inode->xattrs);
}

struct xattr *store_find(const struct memfs *fs, const struct inode *inode, const char *name)
{
	size_t size = strlen(name);
	struct xattr *xattr = NULL;

	while ((xattr = store_next(fs, inode, xattr)) && !is_named(xattr, name, size))
		;
	return xattr;
}

static void drop(struct memfs *fs, uint32_t *link)
{
	struct xattr *xattr = at(fs, *link);
	uint32_t ref = *link;
	size_t space = space_of(xattr->name, xattr->name_size, xattr->size);

	*link = xattr->next;
	limits_give_xattr(&fs->limits, space);
	blob_free(&fs->slab, xattr->value);
	slab_free(&fs->slab, ref);
}

/* A new attribute that hangs nowhere yet; 0 when there is no room. */
static uint32_t make(struct memfs *fs, const char *name, const void *value, size_t size)
{
	size_t name_size = strlen(name);
	uint32_t ref = slab_alloc(&fs->slab, offsetof(struct xattr, name) + name_size);
	struct xattr *xattr = at(fs, ref);

	if (!ref)
		return 0;
	if (blob_make(&fs->slab, value, size, &xattr->value) < 0) {
		slab_free(&fs->slab, ref);
		return 0;
	}
	xattr->next = 0;
	xattr->size = (uint32_t)size;
	xattr->name_size = (uint16_t)name_size;
	memcpy(xattr->name, name, name_size);
	return ref;
}

int store_set(struct memfs *fs, struct inode *inode, const char *name, const void *value,
	      size_t size, uint32_t flags)
{
	size_t space = space_of(name, strlen(name), size);
	uint32_t *link;
	uint32_t ref;

	/* tmpfs takes the space before it looks whether the attribute may be set. */
	if (space && limits_take_xattr(&fs->limits, space) < 0)
		return -ENOSPC;
	link = link_to(fs, inode, name);
	if ((*link && (flags & XATTR_CREATE)) || (!*link && (flags & XATTR_REPLACE))) {
		limits_give_xattr(&fs->limits, space);
		return *link ? -EEXIST : -ENODATA;
	}
	ref = make(fs, name, value, size);
	if (!ref) {
		limits_give_xattr(&fs->limits, space);
		return -ENOSPC;
	}
	if (*link)
		drop(fs, link);
	at(fs, ref)->next = *link;
	*link = ref;
	return 0;
}

int store_remove(struct memfs *fs, struct inode *inode, const char *name)
{
	uint32_t *link = link_to(fs, inode, name);

	if (!*link)
		return -ENODATA;
	drop(fs, link);
	return 0;
}
